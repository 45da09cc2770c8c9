import { z } from '@hono/zod-openapi'
import type { AuditFilter } from '../model/auditfilter.ts'
import { nameSchema } from '../model/target.ts'

export interface AuditListQuery extends AuditFilter {
  limit: number
  cursor?: string | undefined
  order: 'newest' | 'oldest'
}

const time = z.coerce.number().int().min(0).max(281_474_976_710_655).optional()
const text = z.string().min(1).max(253).optional()

const object = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, 'give the `next` of the page before')
    .optional(),
  order: z.enum(['newest', 'oldest']).default('newest'),
  since: time.openapi({ description: 'Happened then or later, ms since the epoch' }),
  until: time.openapi({ description: 'Happened then or earlier, ms since the epoch' }),
  type: text.openapi({ description: 'write, call, credential, target, secret and so on; several joined by commas' }),
  target: nameSchema.optional(),
  deployment: text,
  who: text.openapi({ description: 'Who did it; `api` finds every client, whatever it calls itself' }),
  verb: text.openapi({ description: 'Verb of a write, or action of anything else' }),
  resource: text.openapi({ description: '`deployments`, `deployments.apps` or `pods/exec`' }),
  namespace: text,
  name: text.openapi({ description: 'Name of the object, or of what was changed' }),
  code: text.openapi({ description: 'HTTP status of a write, such as 409 or 4xx; or the name of an error' }),
  credential: text.openapi({ description: 'Id of a credential: the JTI of a token' }),
})

/** The query of GET /v1/audit: all that is given must hold. */
export const auditSchema: z.ZodType<AuditListQuery> = object
/** The same, as the OpenAPI document has it. */
export const auditQuery: z.ZodObject = object

const verifyObject = z.object({
  expect: z
    .string()
    .regex(/^[1-9]\d{0,14}:[\w-]{43}$/, 'give NUMBER:HASH of a record that was seen before')
    .optional(),
})
export const verifySchema: z.ZodType<{ expect?: string | undefined }> = verifyObject
export const auditVerifyQuery: z.ZodObject = verifyObject
