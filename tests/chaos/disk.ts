import { open, rm, statfs } from 'node:fs/promises'

const pieceBytes = 1 << 20

/**
 * Fills a disk until it takes nothing more.
 * @param dir a folder on it, which must be on a disk of its own
 * @returns the file that fills it
 * @throws Error when the folder shares its disk with others
 */
export const fillDisk = async (dir: string | undefined): Promise<string> => {
  const { bsize, blocks } = await statfs(dir ?? '/')
  if (dir === undefined || bsize * blocks > 1 << 30) throw new Error(`${dir} is on a disk that others use: it is not filled`)
  const path = `${dir}/filler`
  const file = await open(path, 'w')
  try {
    for (let size = pieceBytes; size >= 4096; ) {
      try {
        await file.appendFile(Buffer.alloc(size))
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown
        size /= 2
      }
    }
    return path
  } catch (thrown) {
    await rm(path, { force: true })
    throw thrown
  } finally {
    await file.close()
  }
}
