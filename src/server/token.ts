import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'

const form = /^tel_[A-Za-z0-9_-]{43}$/

/**
 * The bearer token of the HTTP API: 256 random bits in a file that only its owner may read, made at the first start.
 * @throws TelpherError key_file when others may read it, or it is not a token
 */
export const ensureToken = async (file: string): Promise<Secret> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(file, 'wx', 0o400)
    await handle.writeFile(`tel_${randomBytes(32).toString('base64url')}\n`)
    await handle.close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      throw new TelpherError('key_file', `${file} cannot be made`, { cause: error, field: file })
  }
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw new TelpherError('key_file', `${file}: others may read it; run: chmod 0400 ${file}`, { field: file })
  const token = (await readFile(file, 'utf8')).trim()
  if (!form.test(token)) throw new TelpherError('key_file', `${file} does not hold a token; remove it and start again`, { field: file })
  return new Secret(token)
}
