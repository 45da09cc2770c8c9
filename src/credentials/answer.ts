import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import type { GrantAnswer } from '../model/grantrequest.ts'
import { isSigned, type Signed, signText } from '../model/signature.ts'

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
/** Node takes shorter tags when it is not told the length (nodejs.org: decipher.setAuthTag). */
const authTagLength = 16
const rawBytes = 32

/** As a JWK (RFC 8037): OpenSSL takes an order of magnitude longer to write a SubjectPublicKeyInfo. */
const rawOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')
const keyOf = (raw: Buffer): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' })

/** A worker's own key, made anew at each start and never written anywhere. */
export interface AnswerKey {
  /** Raw public half in base64. */
  readonly sealTo: string
  readonly privateKey: KeyObject
}

export const makeAnswerKey = (): AnswerKey => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { sealTo: rawOf(publicKey).toString('base64'), privateKey }
}

/** An answer opens beside the very text of its request alone, which names request, attempt and worker. */
const boundTo = (request: string): Buffer => createHash('sha256').update(request).digest()

/** RFC 5869, with both public halves as salt, so that the key is of this exchange alone. */
const keyFor = (shared: Buffer, from: Buffer, to: Buffer): KeyObject => {
  const bytes = Buffer.from(hkdfSync('sha256', createSecretKey(shared), Buffer.concat([from, to]), 'telpher grant answer 1', 32))
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}

const exchange = (privateKey: KeyObject, raw: Buffer): Buffer | undefined => {
  try {
    return diffieHellman({ privateKey, publicKey: keyOf(raw) })
  } catch {
    return undefined
  }
}

/**
 * Seals an answer to the key of one worker (X25519, HKDF, AES-256-GCM) and signs it: whoever reaches Redis can neither read nor make one.
 * @param request the text that the worker signed
 * @param sealTo the worker's raw public key in base64
 * @param signing a server's private key
 * @returns undefined when it is no key that can be sealed to
 */
export const sealAnswer = (answer: GrantAnswer, request: string, sealTo: string, signing: KeyObject): Signed | undefined => {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const [from, their] = [rawOf(publicKey), Buffer.from(sealTo, 'base64')]
  const shared = exchange(privateKey, their)
  if (shared === undefined) return undefined
  const key = keyFor(shared, from, their)
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength })
  cipher.setAAD(boundTo(request))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()])
  return signText('grant answer', Buffer.concat([from, nonce, sealed, cipher.getAuthTag()]).toString('base64'), signing)
}

/**
 * Opens what `sealAnswer` made.
 * @param request the text that this worker sent
 * @param serverKeys the public keys that it was enrolled with
 * @throws TelpherError answer_refused when it is of nobody that we know, for another request, or changed
 */
export const openAnswer = (signed: Signed, request: string, own: AnswerKey, serverKeys: readonly KeyObject[]): GrantAnswer => {
  if (!isSigned('grant answer', signed, serverKeys))
    throw new TelpherError('answer_refused', 'no server that this worker was enrolled with has signed the answer')
  const bytes = Buffer.from(signed.body, 'base64')
  try {
    const [from, rest] = [bytes.subarray(0, rawBytes), bytes.subarray(rawBytes)]
    const key = keyFor(exchange(own.privateKey, from) ?? Buffer.alloc(0), from, Buffer.from(own.sealTo, 'base64'))
    const decipher = createDecipheriv(algorithm, key, rest.subarray(0, nonceBytes), { authTagLength })
    decipher.setAAD(boundTo(request))
    decipher.setAuthTag(rest.subarray(rest.length - authTagLength))
    const text = Buffer.concat([decipher.update(rest.subarray(nonceBytes, rest.length - authTagLength)), decipher.final()])
    return JSON.parse(text.toString('utf8')) as GrantAnswer
  } catch {
    throw new TelpherError('answer_refused', 'the answer is not for this request of this worker')
  }
}
