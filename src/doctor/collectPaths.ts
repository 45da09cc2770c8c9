import { access, constants, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { PathFacts } from './files.ts'

const may = async (path: string, mode: number): Promise<boolean> =>
  access(path, mode).then(
    () => true,
    () => false,
  )

/** The nearest folder above that is there: what is missing would be made in it. */
const nearest = async (path: string): Promise<string> => {
  const above = dirname(path)
  return above === path || (await may(above, constants.F_OK)) ? above : nearest(above)
}

/** What is at a path. @throws nothing: what cannot be looked at counts as not there */
export const lookAtPath = async (path: string): Promise<PathFacts> => {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return { path, makeable: await may(await nearest(path), constants.W_OK) }
  return {
    path,
    found: {
      kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other',
      mode: found.mode & 0o777,
      own: found.uid === 0 || found.uid === process.getuid?.(),
      writable: await may(path, constants.W_OK),
      executable: await may(path, constants.X_OK),
    },
  }
}

/** Free bytes of the disk on which a path is, or would be; undefined when it does not tell. */
export const freeDiskAt = async (path: string): Promise<number | undefined> => {
  const there = (await may(path, constants.F_OK)) ? path : await nearest(path)
  return await statfs(there).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  )
}
