import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** The very text that was signed, and the signature in base64. */
export interface Signed {
  readonly body: string
  readonly signature: string
}

/** What a signature is for: nothing that is signed for one purpose can be taken for another. */
export type Purpose = 'envelope' | 'enrolment' | 'grant request' | 'grant answer' | 'package key'

const bytesOf = (purpose: Purpose, body: string): Buffer => Buffer.from(`telpher ${purpose}\n${body}`)

/** @param key a private Ed25519 key (RFC 8032) */
export const signText = (purpose: Purpose, body: string, key: KeyObject): Signed => ({
  body,
  signature: sign(null, bytesOf(purpose, body), key).toString('base64'),
})

/** Whether one of these public keys signed it. An Ed25519 signature has 64 bytes: any other text is none. */
export const isSigned = (purpose: Purpose, { body, signature }: Signed, keys: readonly KeyObject[]): boolean => {
  const bytes = Buffer.from(signature, 'base64')
  // Node reads base64 with what does not belong there left out: only one text is the signature.
  if (bytes.length !== 64 || bytes.toString('base64') !== signature) return false
  return keys.some((key) => verify(null, bytesOf(purpose, body), key, bytes))
}

/** @param pem SubjectPublicKeyInfo @returns undefined when it is no Ed25519 public key */
export const publicKeyOf = (pem: string): KeyObject | undefined => {
  // A private key would be taken for its public half.
  if (pem.includes('PRIVATE')) return undefined
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

/** First 8 bytes of the SHA-256 of a public key's DER, in hexadecimal. */
export const keyFingerprint = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, 16)

export const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()

/** Keys in a fixed order: what a store gives back need not have the order that it was given. */
export const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, canonical((value as Record<string, unknown>)[key])]),
  )
}
