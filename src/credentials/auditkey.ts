import { createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto'
import type { ChainSigner } from '../model/auditchain.ts'
import type { Keyring, MasterKey } from './keyfile.ts'

/** PKCS #8 of an Ed25519 key, before its 32 bytes (RFC 8410, section 7). */
const header = Buffer.from('302e020100300506032b657004220420', 'hex')

/** A use of its own for the master key (RFC 5869). */
const privateKeyOf = (key: Buffer): KeyObject => {
  const seed = Buffer.from(hkdfSync('sha256', key, '', 'telpher audit signature', 32))
  try {
    return createPrivateKey({ key: Buffer.concat([header, seed]), format: 'der', type: 'pkcs8' })
  } finally {
    seed.fill(0)
  }
}

/**
 * Signs the record of who did what, with a key that follows from the master key: servers with one key file sign alike, and nothing more
 * is to be kept. Older master keys verify what they signed.
 */
export const createAuditSigner = (keys: MasterKey & Partial<Keyring>): ChainSigner => {
  const own = privateKeyOf(keys.key)
  const publicKeys = new Map([keys, ...(keys.older ?? [])].map(({ kid, key }) => [kid, createPublicKey(privateKeyOf(key))]))
  return {
    kid: keys.kid,
    sign: (text) => sign(null, Buffer.from(text), own).toString('base64url'),
    verify: (kid, text, signature) => {
      const key = publicKeys.get(kid)
      return key === undefined ? undefined : verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
    },
  }
}
