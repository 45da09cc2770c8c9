import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { chmod, open, rm } from 'node:fs/promises'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { keyFingerprint, pemOf, publicKeyOf } from '../model/signature.ts'
import { nameSchema } from '../model/target.ts'

/** What the workers of a pool have: the key that they prove their pool with, and the keys that they believe. */
export interface PoolKey {
  readonly pool: string
  readonly privateKey: KeyObject
  /** Names the enrolment. */
  readonly fingerprint: string
  /** The public keys that servers sign with. */
  readonly serverKeys: readonly KeyObject[]
}

/** A key that is made here, before a server has enrolled it. */
export interface NewPoolKey {
  readonly publicKey: string
  /** The text of the file for the workers. */
  text(pool: string, serverKeys: readonly string[]): string
}

/** What newer servers add to it may be overlooked. */
const fileSchema = z.object({
  version: z.literal(1),
  pool: nameSchema,
  /** Ed25519, PEM (PKCS #8). */
  privateKey: z.string(),
  serverKeys: z.array(z.string()).min(1),
})

const longest = 65_536

const bad = (file: string, why: string, cause?: unknown): TelpherError =>
  new TelpherError('pool_key_file', `${file}: ${why}`, { field: file, ...(cause === undefined ? {} : { cause }) })

export const makePoolKey = (): NewPoolKey => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    publicKey: pemOf(publicKey),
    text: (pool, serverKeys) =>
      `${JSON.stringify({ version: 1, pool, privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), serverKeys }, null, 2)}\n`,
  }
}

/** Writes a file that only its owner may read. @returns false when it was there already @throws TelpherError pool_key_file */
export const writePoolKey = async (file: string, text: string): Promise<boolean> => {
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return undefined
    throw bad(file, 'cannot be made', cause)
  })
  if (handle === undefined) return false
  try {
    await handle.writeFile(text)
    await handle.sync()
    // Whatever the umask left of it.
    await chmod(file, 0o600)
    return true
  } catch (cause) {
    await rm(file, { force: true })
    throw bad(file, 'cannot be written', cause)
  } finally {
    await handle.close()
  }
}

/** Others may not read it; its group may where root put it there, as Kubernetes gives a Secret to a pod that is not root (fsGroup). */
const mayBeRead = ({ mode, uid }: { readonly mode: number; readonly uid: number }): boolean =>
  (mode & (uid === 0 && process.getuid?.() !== 0 ? 0o007 : 0o077)) === 0

const readText = async (file: string): Promise<string> => {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw bad(file, 'cannot be read', cause)
  })
  try {
    const info = await handle.stat()
    if (!info.isFile()) throw bad(file, 'it is not a file')
    if (!mayBeRead(info)) throw bad(file, `others may read it (mode 0${(info.mode & 0o777).toString(8)}); run: chmod 0600 ${file}`)
    if (info.size > longest) throw bad(file, 'it is no key of a pool')
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

const parse = (file: string, text: string): PoolKey => {
  try {
    const read = fileSchema.parse(JSON.parse(text))
    const privateKey = createPrivateKey(read.privateKey)
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('not Ed25519')
    const serverKeys = read.serverKeys.map((pem) => {
      const key = publicKeyOf(pem)
      if (key === undefined) throw new TypeError('not an Ed25519 public key')
      return key
    })
    return { pool: read.pool, privateKey, serverKeys, fingerprint: keyFingerprint(createPublicKey(privateKey)) }
  } catch {
    // What the parsers say may quote the key.
    throw bad(file, 'it is no key of a pool')
  }
}

/**
 * Reads the file that `telpher pool enroll` wrote.
 * @param pool the pool that the worker is to be of
 * @throws TelpherError pool_key_file when it is missing, readable by others, of another pool, or no such file
 */
export const loadPoolKey = async (file: string, pool: string): Promise<PoolKey> => {
  const key = parse(file, await readText(file))
  if (key.pool !== pool) throw bad(file, `it is of pool ${key.pool}, and TELPHER_POOL is ${pool}`)
  return key
}
