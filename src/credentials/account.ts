import { createHash, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import type { Federation, FederationNames } from '../model/federation.ts'
import { type AccountSummary, nameSchema } from '../model/target.ts'
import { publicKeyOf, type SigningKey } from './federation/keys.ts'
import { claimsOf } from './jwt.ts'

/** A credential in clear, as it comes over the API and as it is sealed. */
export type PlainCredential =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'client-certificate'; readonly certificate: string; readonly key: string }
  /** A bootstrap identity, which may do nothing but mint tokens of one service account. */
  | { readonly kind: 'token-request'; readonly token: string; readonly namespace: string; readonly serviceAccount: string }
  /** The service account of the worker's own pod: nothing is stored. */
  | { readonly kind: 'in-cluster' }
  /** An issuer of our own that the API server trusts; the first key signs. */
  | (FederationNames & { readonly kind: 'federated'; readonly keys: readonly [SigningKey, ...SigningKey[]] })

/** The same as a request gives it: keys of our own are made by the server and never come over the API. */
export type NewCredential = Exclude<PlainCredential, { kind: 'federated' }> | { readonly kind: 'federated' }

const pem = (label: string, mostKib: number) =>
  z
    .string()
    .max(mostKib * 1024)
    .refine((text) => new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(text), `give a PEM ${label.toLowerCase()}`)

const token = z
  .string()
  .min(1)
  .max(16 * 1024)
  .regex(/^[\x21-\x7e]+$/, 'a token has no spaces and no line ends')

/** The form of names of service accounts (RFC 1123 subdomain). */
const subdomain = z.string().regex(/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/, 'use lower-case letters, digits, dashes and dots')

const signingKey = z.object({ kid: z.string().min(1), key: pem('PRIVATE KEY', 16) })

const given = [
  z.object({ kind: z.literal('bearer'), token }),
  z.object({
    kind: z.literal('client-certificate'),
    certificate: pem('CERTIFICATE', 64),
    // A key must also fit into the masker's table; RSA of 8192 bits has 6.4 KiB.
    key: pem('PRIVATE KEY', 16),
  }),
  z.object({ kind: z.literal('token-request'), token, namespace: nameSchema, serviceAccount: subdomain }),
  z.object({ kind: z.literal('in-cluster') }),
] as const

export const plainCredentialSchema: z.ZodType<PlainCredential> = z.discriminatedUnion('kind', [
  ...given,
  z.object({
    kind: z.literal('federated'),
    issuer: z.string(),
    audience: z.string(),
    subject: z.string(),
    keys: z.tuple([signingKey], signingKey),
  }),
])

export const newCredentialSchema: z.ZodType<NewCredential> = z.discriminatedUnion('kind', [
  ...given,
  z.object({ kind: z.literal('federated') }),
])

interface Life {
  readonly issuedAt?: number
  readonly expiresAt?: number
}

const lifeOfCertificate = (certificate: string): Life => {
  try {
    const { validFrom, validTo } = new X509Certificate(certificate)
    return { issuedAt: Date.parse(validFrom), expiresAt: Date.parse(validTo) }
  } catch (cause) {
    throw new TelpherError('invalid_input', 'credential.certificate: not a certificate', { field: 'credential.certificate', cause })
  }
}

const identityOf = (credential: PlainCredential): string => {
  if (credential.kind === 'client-certificate') return credential.certificate
  if (credential.kind === 'federated') return credential.keys.map(({ key }) => key).join('')
  return credential.kind === 'in-cluster' ? credential.kind : credential.token
}

const lifeOf = (credential: PlainCredential): Life => {
  if (credential.kind === 'client-certificate') return lifeOfCertificate(credential.certificate)
  if (!('token' in credential)) return {}
  const { issuedAt, expiresAt } = claimsOf(credential.token)
  return { ...(issuedAt === undefined ? {} : { issuedAt }), ...(expiresAt === undefined ? {} : { expiresAt }) }
}

const federationOf = ({ issuer, audience, subject, keys }: PlainCredential & { kind: 'federated' }): Federation => ({
  issuer,
  audience,
  subject,
  keys: keys.map(publicKeyOf),
})

/**
 * What may be shown of a credential.
 * @param id of the account
 * @param version its number; the first one when absent
 * @throws TelpherError invalid_input when its certificate cannot be read
 */
export const summarize = (id: string, credential: PlainCredential, version?: number): AccountSummary => {
  const { issuedAt, expiresAt } = lifeOf(credential)
  return {
    id,
    mode: credential.kind === 'bearer' ? 'static-token' : credential.kind,
    fingerprint: createHash('sha256').update(identityOf(credential)).digest('hex').slice(0, 16),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(issuedAt === undefined ? {} : { issuedAt }),
    ...(version === undefined ? {} : { version }),
    ...(credential.kind === 'token-request' ? { deployer: `${credential.namespace}/${credential.serviceAccount}` } : {}),
    ...(credential.kind === 'federated' ? { federation: federationOf(credential) } : {}),
  }
}

/**
 * What was sealed, read back; its text appears in no error.
 * @param id of the account
 * @throws TelpherError sealed_record
 */
export const readPlain = (id: string, plaintext: string): PlainCredential => {
  let value: unknown
  try {
    value = JSON.parse(plaintext)
  } catch {
    value = undefined
  }
  const plain = plainCredentialSchema.safeParse(value)
  if (!plain.success) throw new TelpherError('sealed_record', `${id} does not hold a credential`)
  return plain.data
}

/** An account that may be used: its plaintext, and its id and expiry for what is made of it. */
export interface OpenAccount {
  readonly plain: PlainCredential
  /** The fingerprint of the credential. */
  readonly id: string
  readonly expiresAt?: number
}

/** @param now ms since the epoch @throws TelpherError credential_expired */
export const mustNotBeExpired = ({ id, expiresAt }: Pick<OpenAccount, 'id' | 'expiresAt'>, now: number): void => {
  if (expiresAt !== undefined && expiresAt <= now)
    throw new TelpherError('credential_expired', `the credential ${id} expired at ${new Date(expiresAt).toISOString()}`)
}

/**
 * An account in clear, after a look at whether it is the right one and not expired.
 * @param account what the target says of it; it must be the one that was sealed
 * @param plaintext JSON of a PlainCredential
 * @param now ms since the epoch
 * @param version of the record: another one than the target says is one that it was rotated to, or back to, since the target was read
 * @throws TelpherError credential_expired, sealed_record
 */
export const openAccount = (account: AccountSummary, plaintext: string, now: number, version?: number): OpenAccount => {
  const plain = readPlain(account.id, plaintext)
  const { fingerprint: id, expiresAt } = summarize(account.id, plain)
  const isOther = version !== undefined && version !== (account.version ?? 1)
  if (id !== account.fingerprint && !isOther)
    throw new TelpherError('sealed_record', `${account.id} holds another credential than its target says`)
  const opened = { plain, id, ...(expiresAt === undefined ? {} : { expiresAt }) }
  mustNotBeExpired(opened, now)
  return opened
}
