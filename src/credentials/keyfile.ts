import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TelpherError } from '../model/errors.ts'

const keyBytes = 32
/** Fewer distinct bytes than any 32 random ones are likely to have: such a key was typed, not drawn. */
const leastDistinct = 12

/** A master key: it seals the data keys of records. */
export interface MasterKey {
  /** First 8 bytes of the key's SHA-256, in hexadecimal: names the key without telling it. */
  readonly kid: string
  readonly key: Buffer
}

const bad = (file: string, why: string, cause?: unknown): TelpherError =>
  new TelpherError('key_file', `${file}: ${why}`, { field: file, ...(cause === undefined ? {} : { cause }) })

/**
 * Reads the master key.
 * @param file 32 random bytes, mode 0400 or stricter to others
 * @throws TelpherError key_file when it is missing, readable by others, of another length, or not random
 */
export const loadKeyFile = async (file: string): Promise<MasterKey> => {
  const info = await stat(file).catch((cause: unknown) => {
    throw bad(file, 'cannot be read', cause)
  })
  if ((info.mode & 0o077) !== 0) throw bad(file, `others may read it (mode 0${(info.mode & 0o777).toString(8)}); run: chmod 0400 ${file}`)
  const key = await readFile(file)
  if (key.length !== keyBytes) throw bad(file, `it has ${key.length} bytes instead of ${keyBytes}`)
  if (new Set(key).size < leastDistinct) throw bad(file, 'its bytes are not random')
  return { kid: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}

/**
 * Reads the master key, after making it where there is none: exclusively, so that of two servers that start at once one makes it.
 * @throws TelpherError key_file
 */
export const ensureKeyFile = async (file: string): Promise<MasterKey> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(file, 'wx', 0o400)
    await handle.writeFile(randomBytes(keyBytes))
    await handle.sync()
    await handle.close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw bad(file, 'cannot be made', error)
  }
  return loadKeyFile(file)
}
