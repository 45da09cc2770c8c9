import { createHash, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import type { AccountSummary } from '../model/target.ts'

/** A credential in clear, as it comes over the API and as it is sealed. */
export type PlainCredential =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'client-certificate'; readonly certificate: string; readonly key: string }

const pem = (label: string) =>
  z
    .string()
    .max(64 * 1024)
    .refine((text) => new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text), `give a PEM ${label.toLowerCase()}`)

export const plainCredentialSchema: z.ZodType<PlainCredential> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('bearer'),
    token: z
      .string()
      .min(1)
      .max(16 * 1024)
      .regex(/^[\x21-\x7e]+$/, 'a token has no spaces and no line ends'),
  }),
  z.object({ kind: z.literal('client-certificate'), certificate: pem('CERTIFICATE'), key: pem('PRIVATE KEY') }),
])

/** The `exp` of a JWT (RFC 7519, in seconds) as ms; undefined for other tokens. */
const expiryOfToken = (token: string): number | undefined => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number'
      ? claims.exp * 1000
      : undefined
  } catch {
    return undefined
  }
}

const expiryOfCertificate = (certificate: string): number => {
  try {
    return Date.parse(new X509Certificate(certificate).validTo)
  } catch (cause) {
    throw new TelpherError('invalid_input', 'credential.certificate: not a certificate', { field: 'credential.certificate', cause })
  }
}

/**
 * What may be shown of a credential.
 * @param id of the account
 * @throws TelpherError invalid_input when its certificate cannot be read
 */
export const summarize = (id: string, credential: PlainCredential): AccountSummary => {
  const identity = credential.kind === 'bearer' ? credential.token : credential.certificate
  const expiresAt = credential.kind === 'bearer' ? expiryOfToken(credential.token) : expiryOfCertificate(credential.certificate)
  return {
    id,
    mode: credential.kind === 'bearer' ? 'static-token' : 'client-certificate',
    fingerprint: createHash('sha256').update(identity).digest('hex').slice(0, 16),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}

/**
 * A credential that requests may be made with.
 * @param plaintext JSON of a PlainCredential
 * @throws TelpherError credential_expired
 */
export const credentialOf = (account: AccountSummary, plaintext: string, now: number): Credential => {
  if (account.expiresAt !== undefined && account.expiresAt <= now)
    throw new TelpherError(
      'credential_expired',
      `the credential ${account.fingerprint} expired at ${new Date(account.expiresAt).toISOString()}`,
    )
  const plain = plainCredentialSchema.parse(JSON.parse(plaintext))
  const expiry = account.expiresAt === undefined ? {} : { expiresAt: account.expiresAt }
  return plain.kind === 'bearer'
    ? { id: account.fingerprint, kind: 'bearer', token: new Secret(plain.token), ...expiry }
    : { id: account.fingerprint, kind: 'client-certificate', certificate: plain.certificate, key: new Secret(plain.key), ...expiry }
}
