import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'
import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { Keyring, MasterKey } from './keyfile.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
/** Node takes shorter tags when it is not told the length (nodejs.org: decipher.setAuthTag). */
const authTagLength = 16

type Named = Pick<SealedRecord, 'type' | 'id' | 'version'>

const boundTo = (record: Named, kid: string): Buffer => Buffer.from(`${record.type}|${record.id}|${record.version}|${kid}`)

/** As a key object: Node 24 needs three times as long for a cipher whose key is bytes [measured]. */
const encrypt = (key: Buffer, plaintext: Buffer, aad: Buffer): string => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, createSecretKey(key), nonce, { authTagLength })
  cipher.setAAD(aad)
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64')
}

const decrypt = (key: Buffer, sealed: string, aad: Buffer): Buffer => {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < nonceBytes + authTagLength) throw new RangeError('too short')
  const decipher = createDecipheriv(algorithm, createSecretKey(key), bytes.subarray(0, nonceBytes), { authTagLength })
  decipher.setAAD(aad)
  decipher.setAuthTag(bytes.subarray(bytes.length - authTagLength))
  return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, bytes.length - authTagLength)), decipher.final()])
}

/**
 * Seals a plaintext under a data key of its own, and that under the master key; both are bound to what the record is.
 * @param record type, id and version that `unseal` must be given back
 */
export const seal = (master: MasterKey, record: Named & { readonly plaintext: string }): SealedRecord => {
  const dataKey = randomBytes(32)
  const aad = boundTo(record, master.kid)
  const sealed: SealedRecord = {
    type: record.type,
    id: record.id,
    version: record.version,
    kid: master.kid,
    wrappedKey: encrypt(master.key, dataKey, aad),
    ciphertext: encrypt(dataKey, Buffer.from(record.plaintext), aad),
  }
  dataKey.fill(0)
  return sealed
}

/**
 * Opens what `seal` made.
 * @param expected the id that the caller asked for: a record of another id, put in its place, is refused
 * @throws TelpherError sealed_record when it was sealed with another key or for another id, or anything of it changed
 */
export const unseal = (keys: MasterKey & Partial<Keyring>, record: SealedRecord, expected: string): string => {
  if (record.id !== expected) throw new TelpherError('sealed_record', `the record of ${expected} is that of another one`)
  const known = [keys, ...(keys.older ?? [])]
  const master = known.find(({ kid }) => kid === record.kid)
  if (master === undefined)
    throw new TelpherError(
      'sealed_record',
      `${record.id} was sealed with key ${record.kid}, not with ${known.map(({ kid }) => kid).join(' or ')}`,
    )
  const aad = boundTo(record, master.kid)
  let dataKey: Buffer | undefined
  try {
    dataKey = decrypt(master.key, record.wrappedKey, aad)
    return decrypt(dataKey, record.ciphertext, aad).toString('utf8')
  } catch {
    throw new TelpherError('sealed_record', `${record.id} cannot be opened: it was changed`)
  } finally {
    dataKey?.fill(0)
  }
}

/**
 * The same record under the key that seals now.
 * @returns undefined when it is already
 * @throws TelpherError sealed_record when none of the keys opens it
 */
export const reseal = (keys: MasterKey & Partial<Keyring>, record: SealedRecord): SealedRecord | undefined => {
  if (record.kid === keys.kid) return undefined
  const { type, id, version } = record
  return seal(keys, { type, id, version, plaintext: unseal(keys, record, id) })
}
