import { createHash, createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { TelpherError } from '../../model/errors.ts'
import type { PublicKey } from '../../model/federation.ts'

/** A key that signs tokens, in PEM (PKCS #8). */
export interface SigningKey {
  readonly kid: string
  readonly key: string
}

const generate = promisify(generateKeyPair)

/** The number of a key: its JWK thumbprint (RFC 7638), so that two keys never have the same. */
const thumbprint = ({ e, n }: { readonly e: string; readonly n: string }): string =>
  createHash('sha256')
    .update(JSON.stringify({ e, kty: 'RSA', n }))
    .digest('base64url')

/**
 * The public half of a signing key.
 * @throws TelpherError sealed_record when it is no RSA key
 */
export const publicKeyOf = ({ kid, key }: SigningKey): PublicKey => {
  const { kty, n, e } = createPublicKey(key).export({ format: 'jwk' })
  if (kty !== 'RSA' || n === undefined || e === undefined) throw new TelpherError('sealed_record', `the signing key ${kid} is not of RSA`)
  return { kty, use: 'sig', alg: 'RS256', kid, n, e }
}

/** A new key: RSA of 2048 bits, since API servers take RS256 from every issuer and others only where they are told to (kubernetes oidc.go). */
export const makeSigningKey = async (): Promise<SigningKey> => {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: 2048 })
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  return { kid: thumbprint({ n, e }), key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}
