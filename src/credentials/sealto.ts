import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'

const algorithm = 'aes-256-gcm'
const tagBytes = 16
const rawBytes = 32
/** What stands before the 32 bytes of an X25519 public key in its SubjectPublicKeyInfo (RFC 8410, section 10.1). */
const spkiHead = Buffer.from('302a300506032b656e032100', 'hex')

const rawOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(spkiHead.length)
const keyOf = (raw: Buffer): KeyObject => createPublicKey({ key: Buffer.concat([spkiHead, raw]), format: 'der', type: 'spki' })

/** The public half of an X25519 key, raw in base64. */
export const rawPublicOf = (privateKey: KeyObject): string => rawOf(createPublicKey(privateKey)).toString('base64')

/** A key that serves once, so that its nonce may be all zeros. */
const keyFor = (privateKey: KeyObject, theirs: Buffer, salt: Buffer, info: string): Buffer =>
  Buffer.from(hkdfSync('sha256', diffieHellman({ privateKey, publicKey: keyOf(theirs) }), salt, info, rawBytes))

const nonce = Buffer.alloc(12)

/**
 * Seals a few bytes to who has the other half of a key (X25519, HKDF, AES-256-GCM).
 * @param bound what it is for: it opens with the same alone
 * @param info tells this use from others
 * @param to X25519, raw in base64
 */
export const sealTo = (plain: Buffer, bound: string, info: string, to: string): string => {
  const own = generateKeyPairSync('x25519')
  const [from, their] = [rawOf(own.publicKey), Buffer.from(to, 'base64')]
  const cipher = createCipheriv(algorithm, keyFor(own.privateKey, their, Buffer.concat([from, their]), info), nonce, {
    authTagLength: tagBytes,
  })
  cipher.setAAD(Buffer.from(bound))
  return Buffer.concat([from, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/** @returns undefined when it was sealed to another key, for something else, or changed */
export const openFrom = (sealed: string, bound: string, info: string, own: KeyObject): Buffer | undefined => {
  try {
    const bytes = Buffer.from(sealed, 'base64')
    const [from, rest] = [bytes.subarray(0, rawBytes), bytes.subarray(rawBytes)]
    const key = keyFor(own, from, Buffer.concat([from, Buffer.from(rawPublicOf(own), 'base64')]), info)
    const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(Buffer.from(bound))
    decipher.setAuthTag(rest.subarray(-tagBytes))
    return Buffer.concat([decipher.update(rest.subarray(0, -tagBytes)), decipher.final()])
  } catch {
    return undefined
  }
}
