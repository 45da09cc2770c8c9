import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { SealedRecord } from '../model/credential.ts'
import { pemOf } from '../model/signature.ts'
import type { Keyring, MasterKey } from './keyfile.ts'
import { seal, unseal } from './seal.ts'

/** The key that the servers of an installation sign with. */
export interface Signer {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** PEM of the public half. */
  readonly publicPem: string
}

const id = 'signer'

export const signerOf = (privateKey: KeyObject): Signer => {
  const publicKey = createPublicKey(privateKey)
  return { privateKey, publicKey, publicPem: pemOf(publicKey) }
}

/** Makes a key, and seals it for the other servers. */
export const makeSigner = (key: MasterKey): SealedRecord => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const plaintext = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
  return seal(key, { type: 'signer', id, version: 1, plaintext })
}

/** @throws TelpherError sealed_record when none of the master keys opens it */
export const openSigner = (key: MasterKey & Partial<Keyring>, record: SealedRecord): Signer =>
  signerOf(createPrivateKey({ key: Buffer.from(unseal(key, record, id), 'base64'), format: 'der', type: 'pkcs8' }))
