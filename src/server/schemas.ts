import { z } from '@hono/zod-openapi'
import { deploymentRequestSchema } from '../model/step.ts'
import { nameSchema, policySchema, tagSchema } from '../model/target.ts'
import type { PlainCredential } from './context.ts'

/** Names, server, trust and credential of a new target, as a request gives them. */
export interface NewTarget {
  name: string
  server: string
  ca: string
  tlsServerName?: string | undefined
  namespace: string
  tags: string[]
  pool: string
  policy: { namespaces: string[]; grants: string[]; verbs: string[]; resources: string[] }
  settleSeconds: number
  credential: PlainCredential
}

const pem = (label: string) =>
  z
    .string()
    .max(65_536)
    .regex(new RegExp(`-----BEGIN [A-Z ]*${label}-----`), `give a PEM ${label.toLowerCase()}`)

const credential = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('bearer'),
    token: z
      .string()
      .min(1)
      .max(16_384)
      .regex(/^[\x21-\x7e]+$/, 'a token has no spaces and no line ends'),
  }),
  z.object({ kind: z.literal('client-certificate'), certificate: pem('CERTIFICATE'), key: pem('PRIVATE KEY') }),
])

export const newTargetSchema: z.ZodType<NewTarget> = z.object({
  name: nameSchema,
  server: z.url({ protocol: /^https$/, error: 'use an https:// address' }),
  ca: z
    .string()
    .max(1 << 20)
    .default(''),
  tlsServerName: z.string().max(253).optional(),
  namespace: nameSchema.default('default'),
  tags: z.array(tagSchema).max(50).default([]),
  pool: nameSchema.default('default'),
  policy: policySchema.default({ namespaces: [], grants: [], verbs: [], resources: [] }),
  settleSeconds: z.number().min(0).max(600).default(5),
  credential,
})

export { deploymentRequestSchema }
