import { createPrivateKey, X509Certificate } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { type NewCredential, newCredentialSchema } from '../credentials/account.ts'
import { isBundle } from '../credentials/pem.ts'
import { gracesSchema } from '../model/graces.ts'
import { imageIdPattern } from '../model/image.ts'
import { deploymentRequestSchema } from '../model/step.ts'
import { limitSchema, nameSchema, policySchema, rotateSecondsSchema, type Target, tagSchema } from '../model/target.ts'

/** Where a target is and what is trusted there, as a request changes it; what is absent stays. */
export interface TargetChange {
  server?: string | undefined
  alternates?: string[] | undefined
  ca?: string | undefined
  /** Null takes it away. */
  tlsServerName?: string | null | undefined
}

/** Names, server, trust and credential of a new target, as a request gives them. */
export interface NewTarget extends Omit<Target, 'clusterId' | 'account' | 'createdAt'> {
  credential: NewCredential
}

/** What is wrong with a client certificate and its key, in words that quote neither. */
const pairProblem = (credential: NewCredential): { readonly field: 'certificate' | 'key'; readonly problem: string } | undefined => {
  if (credential.kind !== 'client-certificate') return undefined
  if (!isBundle(credential.certificate)) return { field: 'certificate', problem: 'not a certificate' }
  try {
    const matches = new X509Certificate(credential.certificate).checkPrivateKey(createPrivateKey(credential.key))
    return matches ? undefined : { field: 'key', problem: 'it is the key of another certificate' }
  } catch {
    return { field: 'key', problem: 'not a private key that can be read; an encrypted one cannot be used' }
  }
}

/** A user, a query or a fragment in an address would be stored and shown in clear, or lost. */
const isBare = (server: string): boolean => {
  if (!URL.canParse(server)) return false
  const { username, password, search, hash } = new URL(server)
  return `${username}${password}${search}${hash}` === ''
}

const address = z
  .url({ protocol: /^https$/, error: 'use an https:// address' })
  .max(2048)
  .refine(isBare, 'give the address alone, without user, query or fragment')
const alternates = z.array(address).max(10)
const authorities = z
  .string()
  .max(1 << 20)
  .refine((pem) => pem === '' || isBundle(pem), 'give certificates in PEM')
const tlsServerName = z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, 'give a host name')

export const targetChangeSchema: z.ZodType<TargetChange> = z.strictObject({
  server: address.optional(),
  alternates: alternates.optional(),
  ca: authorities.optional(),
  tlsServerName: tlsServerName.nullable().optional(),
})

/** A credential that can be used: its certificate and its key belong together. */
const credentialSchema: z.ZodType<NewCredential> = newCredentialSchema.superRefine((credential, context) => {
  const wrong = pairProblem(credential)
  if (wrong !== undefined) context.addIssue({ code: 'custom', path: [wrong.field], message: wrong.problem })
})

const object = z
  .object({
    name: nameSchema,
    server: address,
    alternates: alternates.optional(),
    ca: authorities.default(''),
    tlsServerName: tlsServerName.optional(),
    namespace: nameSchema.optional(),
    tags: z.array(tagSchema).max(50).default([]),
    pool: nameSchema.default('default'),
    policy: policySchema.default({ namespaces: [], grants: [], verbs: [], resources: [] }),
    settleSeconds: z.number().min(0).max(600).default(5),
    graces: gracesSchema.optional(),
    trials: z.boolean().optional(),
    limit: limitSchema.optional(),
    clusterLimit: limitSchema.optional(),
    rotateSeconds: rotateSecondsSchema.optional(),
    credential: credentialSchema,
  })
  .superRefine(({ namespace, policy, credential, alternates: more = [] }, context) => {
    if (credential.kind === 'in-cluster' && more.length > 0)
      context.addIssue({ code: 'custom', path: ['alternates'], message: 'a worker sends its own token to its own cluster alone' })
    if (namespace !== undefined && policy.namespaces.length > 0 && !policy.namespaces.includes(namespace))
      context.addIssue({ code: 'custom', path: ['namespace'], message: 'give one of the allowed namespaces' })
  })

export const newTargetSchema: z.ZodType<NewTarget> = object.transform((asked) => ({
  ...asked,
  namespace: asked.namespace ?? asked.policy.namespaces[0] ?? 'default',
}))

/** What is asked of an account, as a request gives it. */
export interface NewRotation {
  kind: 'rotate' | 'revoke' | 'rollback' | 'replace'
  credential?: NewCredential | undefined
}

export const newRotationSchema: z.ZodType<NewRotation> = z
  .strictObject({ kind: z.enum(['rotate', 'revoke', 'rollback', 'replace']), credential: credentialSchema.optional() })
  .check(({ value, issues }) => {
    if ((value.kind === 'replace') !== (value.credential !== undefined))
      issues.push({ code: 'custom', input: value.kind, path: ['credential'], message: 'give one to replace, and only then' })
  })

interface NewPin {
  image: string
  ids: string[]
}

/** A pin as a request gives it; no ids take it away. */
export const newPinSchema: z.ZodType<NewPin> = z.object({
  image: z.string().min(1).max(255),
  ids: z.array(z.string().regex(imageIdPattern, 'give the id of an image: sha256: and 64 hexadecimal digits')).max(20),
})

export { deploymentRequestSchema }

export const backupQuery: z.ZodObject<{ logs: z.ZodOptional<z.ZodEnum<{ true: 'true'; false: 'false' }>> }> = z.object({
  logs: z.enum(['true', 'false']).optional(),
})

export const cancelQuery: z.ZodObject<{ force: z.ZodOptional<z.ZodEnum<{ true: 'true'; false: 'false' }>> }> = z.object({
  force: z.enum(['true', 'false']).optional().openapi({ description: 'Kills programs without time to record what they did' }),
})
