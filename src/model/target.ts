import { z } from 'zod'
import { type Federation, federationSchema } from './federation.ts'
import { type Graces, gracesSchema } from './graces.ts'

/** A DNS label (RFC 1123), the form of Kubernetes names that are used as parts of host names. */
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

export const nameSchema: z.ZodString = z
  .string()
  .regex(label, 'use lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit')
export const tagSchema: z.ZodString = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/=-]{0,127}$/, 'use letters, digits and . _ / = -, at most 128')

/** Exceptions that a target grants by name to what the gate otherwise denies (DESIGN section 6). */
export const policyGrants = [
  'cluster-scoped-writes',
  'service-account-tokens',
  'token-secrets',
  'proxy',
  'nodes',
  'certificate-signing-requests',
  'bind',
  'escalate',
  'impersonate',
  'webhook-configurations',
] as const
export type PolicyGrant = (typeof policyGrants)[number]

/** What the gate lets through. */
export interface Policy {
  /** Empty means every namespace. */
  namespaces: string[]
  grants: PolicyGrant[]
  /** Verbs that may be used at all; empty means every verb. */
  verbs: string[]
  /** Resources as `resource` or `resource.group`, subresources as in RBAC (`pods/exec`, `pods/*`); empty means every resource. */
  resources: string[]
}

export type PolicyInput = { [Key in keyof Policy]?: Policy[Key] | undefined }

export const policySchema: z.ZodType<Policy, PolicyInput> = z.object({
  namespaces: z.array(nameSchema).max(200).default([]),
  grants: z.array(z.enum(policyGrants)).default([]),
  verbs: z.array(z.string()).default([]),
  resources: z.array(z.string()).default([]),
})

/** How credentials for attempts come about (docs/reference/credentials.md), best first. */
export const accountModes = ['federated', 'token-request', 'in-cluster', 'static-token', 'client-certificate'] as const
export type AccountMode = (typeof accountModes)[number]

/** The modes in which what an attempt was given can be ended at the API server before it expires. */
export const isRevocable = (mode: AccountMode): boolean => mode === 'token-request'

/** The modes in which a running attempt can get another credential. */
export const isRenewable = (mode: AccountMode): boolean => mode === 'federated' || mode === 'token-request' || mode === 'in-cluster'

/** How the account of a target authenticates; the secret itself is a sealed record of its own. */
export interface AccountSummary {
  id: string
  mode: AccountMode
  /** First 8 bytes of the SHA-256 of the credential, in hexadecimal. */
  fingerprint: string
  /** ms since the epoch, where the credential says it. */
  expiresAt?: number | undefined
  /** ms since the epoch, where the credential says it. */
  issuedAt?: number | undefined
  /** The number of the credential that is used; 1 when absent. */
  version?: number | undefined
  /** `namespace/name` of the service account that attempts get tokens of, in the mode token-request. */
  deployer?: string | undefined
  /** Whom the API server is told to trust, in the mode federated. */
  federation?: Federation | undefined
}

/** Every address of a target's API server, the first one first. */
export const addressesOf = ({ server, alternates = [] }: Pick<Target, 'server' | 'alternates'>): readonly string[] => [
  server,
  ...alternates,
]

/** A target as stored and shown: nothing in it is secret. */
export interface Target {
  name: string
  /** https:// address of the API server, with a base path where it has one. */
  server: string
  /** Further addresses of the same API server, for when one cannot be reached. */
  alternates?: string[] | undefined
  /** PEM bundle of the authorities that the API server's certificate may chain to; empty means the system's roots. */
  ca: string
  tlsServerName?: string | undefined
  /** The namespace that steps use when they name none. */
  namespace: string
  tags: string[]
  pool: string
  policy: Policy
  /** Seconds that a workload without a readiness probe must stay up before it counts. */
  settleSeconds: number
  /** How long trouble of its objects may last, where that is not the usual time. */
  graces?: Graces | undefined
  /** Whether steps for it may run without isolation, as processes of a worker's machine. */
  trials?: boolean | undefined
  /** Jobs that run at it, or are about to, at a time; as many as there are workers when absent. */
  limit?: number | undefined
  /** The same over all targets in its cluster. */
  clusterLimit?: number | undefined
  /** What locks are kept by: one id for all targets that reach the same cluster through the same address. */
  clusterId: string
  account: AccountSummary
  /** Seconds between two rotations of its account, where that is not a day; 0 for never. */
  rotateSeconds?: number | undefined
  createdAt: number
  /** By which a server knows that the record is as a server wrote it (credentials/bound.ts). */
  bound?: string | undefined
}

/** What decides where a credential goes. */
export type Way = Pick<Target, 'server' | 'alternates' | 'tlsServerName' | 'ca'>

export const wayOf = ({ server, alternates = [], tlsServerName = '', ca }: Way): string =>
  JSON.stringify([server, alternates, tlsServerName, ca])

/** Jobs at a time. */
export const limitSchema: z.ZodNumber = z.int().min(1).max(10_000)

/** Never, or so that an outage of days is survived by a token of 7 days. */
export const rotateSecondsSchema: z.ZodNumber = z
  .int()
  .min(0)
  .max(5 * 86_400)

const accountSchema = z.object({
  id: z.string(),
  mode: z.enum(accountModes),
  fingerprint: z.string(),
  expiresAt: z.number().optional(),
  issuedAt: z.number().optional(),
  version: z.number().optional(),
  deployer: z.string().optional(),
  federation: federationSchema.optional(),
})

export const targetSchema: z.ZodType<Target> = z.object({
  name: nameSchema,
  server: z.url({ protocol: /^https$/, error: 'use an https:// address' }),
  alternates: z.array(z.url({ protocol: /^https$/ })).optional(),
  ca: z.string(),
  tlsServerName: z.string().optional(),
  namespace: nameSchema,
  tags: z.array(tagSchema).max(50),
  pool: nameSchema,
  policy: policySchema,
  settleSeconds: z.number().min(0).max(600),
  graces: gracesSchema.optional(),
  trials: z.boolean().optional(),
  limit: limitSchema.optional(),
  clusterLimit: limitSchema.optional(),
  clusterId: z.string(),
  account: accountSchema,
  rotateSeconds: rotateSecondsSchema.optional(),
  createdAt: z.number(),
})
