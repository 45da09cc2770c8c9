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

const pem = (label: string, mostKib: number) =>
  z
    .string()
    .max(mostKib * 1024)
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
  z.object({
    kind: z.literal('client-certificate'),
    certificate: pem('CERTIFICATE', 64),
    // A key must also fit into the masker's table; RSA of 8192 bits has 6.4 KiB.
    key: pem('PRIVATE KEY', 16),
  }),
])

/** The `exp` of a JWT (RFC 7519, in seconds) as ms; undefined for other tokens. */
const expiryOfToken = (token: string): number | undefined => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : undefined
    // Beyond this no Date can say it: such a token does not expire in any sense that matters.
    return typeof exp === 'number' && exp * 1000 <= 8.64e15 ? exp * 1000 : undefined
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

/** What was sealed, read back; its text appears in no error. */
const opened = (account: AccountSummary, plaintext: string): PlainCredential => {
  let value: unknown
  try {
    value = JSON.parse(plaintext)
  } catch {
    value = undefined
  }
  const plain = plainCredentialSchema.safeParse(value)
  if (!plain.success) throw new TelpherError('sealed_record', `${account.id} does not hold a credential`)
  return plain.data
}

/**
 * A credential that requests may be made with.
 * @param account what the target says of it; it must be the one that was sealed
 * @param plaintext JSON of a PlainCredential
 * @param now ms since the epoch
 * @throws TelpherError credential_expired, sealed_record
 */
export const credentialOf = (account: AccountSummary, plaintext: string, now: number): Credential => {
  const plain = opened(account, plaintext)
  const { fingerprint: id, expiresAt } = summarize(account.id, plain)
  if (id !== account.fingerprint) throw new TelpherError('sealed_record', `${account.id} holds another credential than its target says`)
  if (expiresAt !== undefined && expiresAt <= now)
    throw new TelpherError('credential_expired', `the credential ${id} expired at ${new Date(expiresAt).toISOString()}`)
  const expiry = expiresAt === undefined ? {} : { expiresAt }
  return plain.kind === 'bearer'
    ? { id, kind: 'bearer', token: new Secret(plain.token), ...expiry }
    : { id, kind: 'client-certificate', certificate: plain.certificate, key: new Secret(plain.key), ...expiry }
}
