import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type FileHandle, link, mkdir, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TelpherError } from '../model/errors.ts'

const keyBytes = 32
/** Fewer distinct bytes than any 32 random ones will have. */
const leastDistinct = 16

/** A master key: it seals the data keys of records. */
export interface MasterKey {
  /** First 8 bytes of the key's SHA-256, in hexadecimal: names the key without telling it. */
  readonly kid: string
  readonly key: Buffer
}

/** The key that seals, and older ones that only open what they sealed. */
export interface Keyring extends MasterKey {
  readonly older: readonly MasterKey[]
}

const bad = (file: string, why: string, cause?: unknown): TelpherError =>
  new TelpherError('key_file', `${file}: ${why}`, { field: file, ...(cause === undefined ? {} : { cause }) })

/**
 * Reads the master key.
 * @param file 32 random bytes, mode 0400 or stricter to others, of this process's user or root
 * @throws TelpherError key_file when it is missing, readable by others, somebody else's, of another length, or not random
 */
export const loadKeyFile = async (file: string): Promise<MasterKey> => {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw bad(file, 'cannot be read', cause)
  })
  // Judged and read through one handle: nobody can exchange the file in between.
  const [info, key] = await Promise.all([handle.stat(), readKey(handle)]).finally(() => handle.close())
  if (!info.isFile()) throw bad(file, 'it is not a file')
  if ((info.mode & 0o077) !== 0) throw bad(file, `others may read it (mode 0${(info.mode & 0o777).toString(8)}); run: chmod 0400 ${file}`)
  if (info.uid !== 0 && info.uid !== process.getuid?.()) throw bad(file, 'it belongs to another user')
  if (key.length !== keyBytes)
    throw bad(file, key.length > keyBytes ? `it has more than ${keyBytes} bytes` : `it has ${key.length} bytes instead of ${keyBytes}`)
  // 32 random bytes are all printable once in 10^13 times: such a key was typed, or is the text form of another.
  if (new Set(key).size < leastDistinct || key.every((byte) => byte >= 0x20 && byte < 0x7f)) throw bad(file, 'its bytes are not random')
  return { kid: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}

/** One byte more than a key has, so that a longer file is seen and a device without an end is not read for ever. */
const readKey = async (handle: FileHandle): Promise<Buffer> => {
  const room = Buffer.alloc(keyBytes + 1)
  const { bytesRead } = await handle.read(room, 0, room.length, 0).catch(() => ({ bytesRead: 0 }))
  return room.subarray(0, bytesRead)
}

/** Writes the key beside its place and links it there: of servers that start at once one wins, and nobody sees half a file. */
const makeOnce = async (file: string): Promise<void> => {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    const handle = await open(draft, 'wx', 0o400)
    try {
      await handle.writeFile(randomBytes(keyBytes))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw bad(file, 'cannot be made', error)
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

/**
 * Reads the master key, after making it where there is none.
 * @throws TelpherError key_file
 */
export const ensureKeyFile = async (file: string): Promise<MasterKey> => {
  if (!existsSync(file)) await makeOnce(file)
  return loadKeyFile(file)
}

/**
 * Makes a key in a file that is not there yet.
 * @throws TelpherError key_file
 */
export const makeKeyFile = async (file: string): Promise<MasterKey> => {
  if (existsSync(file)) throw bad(file, 'it is there already')
  return ensureKeyFile(file)
}

/** @param older files whose keys only open @throws TelpherError key_file */
export const withOlderKeys = async (key: MasterKey, older: readonly string[]): Promise<Keyring> => ({
  ...key,
  older: await Promise.all(older.map(loadKeyFile)),
})
