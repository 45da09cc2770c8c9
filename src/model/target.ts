import { z } from 'zod'

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

/** What the gate lets through. Empty namespaces mean every namespace. */
export const policySchema = z.object({
  namespaces: z.array(nameSchema).max(200).default([]),
  grants: z.array(z.enum(policyGrants)).default([]),
  /** Verbs that may be used at all; empty means every verb. */
  verbs: z.array(z.string()).default([]),
  /** Resources as `resource` or `resource.group`; empty means every resource. */
  resources: z.array(z.string()).default([]),
})
export type Policy = z.infer<typeof policySchema>

/** A target as stored and shown: nothing in it is secret. */
export const targetSchema = z.object({
  name: nameSchema,
  server: z.url({ protocol: /^https$/, error: 'use an https:// address' }),
  /** PEM bundle of the authorities that the API server's certificate may chain to; empty means the system's roots. */
  ca: z.string(),
  tlsServerName: z.string().optional(),
  /** The namespace that steps use when they name none. */
  namespace: nameSchema.default('default'),
  tags: z.array(tagSchema).max(50).default([]),
  pool: nameSchema.default('default'),
  policy: policySchema,
  /** Seconds that a workload without a readiness probe must stay up before it counts. */
  settleSeconds: z.number().min(0).max(600).default(5),
  /** What the lock is kept by: one id for all the targets that reach the same cluster through the same address. */
  clusterId: z.string(),
  /** How the account authenticates; the secret itself is a sealed record of its own. */
  account: z.object({
    id: z.string(),
    mode: z.enum(['static-token', 'client-certificate']),
    fingerprint: z.string(),
    expiresAt: z.number().optional(),
  }),
  createdAt: z.number(),
})
export type Target = z.infer<typeof targetSchema>
