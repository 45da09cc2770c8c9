import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { SealedRecord } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import {
  isPlain,
  isUploadKey,
  longestPackage,
  type PackageKey,
  pieceBytes,
  pieceTagBytes,
  type SealedPackage,
  type UploadKey,
} from '../model/package.ts'
import type { Keyring, MasterKey } from './keyfile.ts'
import { seal, unseal } from './seal.ts'
import { openFrom, rawPublicOf, sealTo } from './sealto.ts'
import type { Signer } from './signer.ts'

const algorithm = 'aes-256-gcm'
const keyBytes = 32

const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The key is of this package alone, so that the number of a piece is nonce enough (NIST SP 800-38D, 8.2.1). */
const nonceOf = (index: number): Buffer => {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 8)
  return nonce
}

/** A piece opens in its place of its package alone, and in none that was cut. */
const boundTo = (id: string, index: number, size: number): Buffer => Buffer.from(`package|${id}|${index}|${size}`)

/** @throws TelpherError package_too_large */
const sealPieces = (id: string, bytes: Uint8Array, key: Buffer): SealedPackage => {
  const size = bytes.byteLength
  if (size > longestPackage) throw new TelpherError('package_too_large', `the package has ${Math.ceil(size / pieceBytes)} MiB packed`)
  const pieces = Array.from({ length: Math.ceil(size / pieceBytes) }, (_, index) => {
    const cipher = createCipheriv(algorithm, createSecretKey(key), nonceOf(index), { authTagLength: pieceTagBytes })
    cipher.setAAD(boundTo(id, index, size))
    const piece = bytes.subarray(index * pieceBytes, (index + 1) * pieceBytes)
    return Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()])
  })
  return { id, size, pieces }
}

/**
 * Opens a package.
 * @param key in base64, as the server gives it
 * @throws TelpherError package_missing when it was damaged, or the key is another one's
 */
export const openPackage = (sealed: SealedPackage, key: string | undefined): Buffer => {
  const { id, size, pieces } = sealed
  const damaged = (): TelpherError => new TelpherError('package_missing', `package ${id.slice(0, 12)} is damaged in the store`)
  if (isPlain(sealed)) {
    const bytes = Buffer.concat(pieces)
    if (sumOf(bytes) !== id) throw damaged()
    return bytes
  }
  if (key === undefined) throw new TelpherError('package_missing', `no server gave the key of package ${id.slice(0, 12)}`)
  const opened = Buffer.allocUnsafe(size)
  const raw = Buffer.from(key, 'base64')
  try {
    const secret = createSecretKey(raw)
    if (pieces.length !== Math.ceil(size / pieceBytes)) throw new RangeError('pieces are missing')
    for (const [index, piece] of pieces.entries()) {
      const decipher = createDecipheriv(algorithm, secret, nonceOf(index), { authTagLength: pieceTagBytes })
      decipher.setAAD(boundTo(id, index, size))
      decipher.setAuthTag(piece.subarray(-pieceTagBytes))
      opened.set(decipher.update(piece.subarray(0, -pieceTagBytes)), index * pieceBytes)
      decipher.final()
    }
    return opened
  } catch {
    throw damaged()
  } finally {
    raw.fill(0)
  }
}

/** Uses of their own for the key that servers sign with, which every server has and no change of the master key changes (RFC 5869). */
const derived = (signer: Signer, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', signer.privateKey.export({ type: 'pkcs8', format: 'der' }), '', use, keyBytes))

/** What stands before the 32 bytes of an X25519 private key in its PKCS #8 (RFC 8410, section 7). */
const x25519Head = Buffer.from('302e020100300506032b656e04220420', 'hex')

const uploadInfo = 'telpher package key 1'

/** Names, seals and opens packages at a server. */
export interface PackageVault {
  /** The name of what has this SHA-256: nobody without the servers' key can tell what it is the name of. */
  nameOf(sha256: string): string
  /** @throws TelpherError package_too_large */
  seal(bytes: Uint8Array): SealedPackage & { readonly key: PackageKey }
  /** The key of a package in base64. @throws TelpherError sealed_record; also for one that no server has taken */
  keyOf(id: string, key: PackageKey): string
  /**
   * Takes a package that came through Redis: whoever writes there can seal to the servers too, so its name must be that of what is in it.
   * @returns its key under the master key
   * @throws TelpherError package_missing when it is not what its producer named, sealed_record
   */
  adopt(sealed: SealedPackage, key: UploadKey): SealedRecord
  /** What producers seal to, raw in base64. */
  readonly sealTo: string
}

const uploadName = (bytes: Uint8Array, key: Buffer): string => createHmac('sha256', key).update(sumOf(bytes)).digest('hex')

const recordOf = (id: string, key: Buffer) => ({ type: 'package', id, version: 1, plaintext: key.toString('base64') }) as const

export const createPackageVault = (keys: MasterKey & Partial<Keyring>, signer: Signer): PackageVault => {
  const naming = derived(signer, 'telpher package name')
  const own: KeyObject = createPrivateKey({
    key: Buffer.concat([x25519Head, derived(signer, 'telpher package upload')]),
    format: 'der',
    type: 'pkcs8',
  })
  const nameOf = (sha256: string): string => createHmac('sha256', naming).update(sha256).digest('hex')
  return {
    nameOf,
    seal(bytes) {
      const id = nameOf(sumOf(bytes))
      const key = randomBytes(keyBytes)
      try {
        return { ...sealPieces(id, bytes, key), key: seal(keys, recordOf(id, key)) }
      } finally {
        key.fill(0)
      }
    },
    keyOf(id, key) {
      if (isUploadKey(key)) throw new TelpherError('sealed_record', `no server has taken package ${id.slice(0, 12)}`)
      return unseal(keys, key, id)
    },
    adopt(sealed, { sealedTo }) {
      const { id } = sealed
      const key = openFrom(sealedTo, id, uploadInfo, own)
      if (key === undefined)
        throw new TelpherError('sealed_record', `the key of package ${id.slice(0, 12)} cannot be opened: it was changed`)
      try {
        if (uploadName(openPackage(sealed, key.toString('base64')), key) !== id)
          throw new TelpherError('package_missing', `package ${id.slice(0, 12)} is not what its producer named`)
        return seal(keys, recordOf(id, key))
      } finally {
        key.fill(0)
      }
    },
    sealTo: rawPublicOf(own),
  }
}

/**
 * Seals a package for servers whose key alone is known. Its name is of what is in it under its own key, which tells nobody else anything, and
 * binds a submission that is signed with that name to these bytes.
 * @param to what servers tell producers to seal to
 * @throws TelpherError package_too_large
 */
export const sealUpload = (bytes: Uint8Array, to: string): SealedPackage & { readonly key: UploadKey } => {
  const key = randomBytes(keyBytes)
  const id = uploadName(bytes, key)
  try {
    return { ...sealPieces(id, bytes, key), key: { sealedTo: sealTo(key, id, uploadInfo, to) } }
  } finally {
    key.fill(0)
  }
}
