import { z } from '@hono/zod-openapi'
import type { Deployment } from '../model/deployment.ts'
import { isId } from '../model/ids.ts'
import { nameSchema, tagSchema } from '../model/target.ts'
import type { Store } from '../store/index.ts'

/** What a deployment may be listed by: where it is, or how it ended. */
const statuses = [
  'pending',
  'executing',
  'finalizing',
  'finished',
  'success',
  'failure',
  'error',
  'timeout',
  'cancellation',
  'skip',
] as const

export interface ListQuery {
  limit: number
  cursor?: string | undefined
  status?: (typeof statuses)[number][] | undefined
  target?: string | undefined
  namespace?: string | undefined
  name?: string | undefined
  tag?: string | undefined
  since?: number | undefined
  until?: number | undefined
}

const time = z.coerce.number().int().min(0).max(281_474_976_710_655).optional()

const object = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .refine((id) => isId('dep', id), 'give the `next` of the page before')
    .optional()
    .openapi({ description: 'The page after this one' }),
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(statuses)))
    .optional()
    .openapi({ description: `State or result, several joined by commas: ${statuses.join(', ')}`, type: 'string' }),
  target: nameSchema.optional(),
  namespace: nameSchema.optional(),
  name: z.string().min(1).max(200).optional().openapi({ description: 'Part of the name of the deployment or its process, in any case' }),
  tag: tagSchema.optional().openapi({ description: 'It asked for this tag, or went to a target that has it' }),
  since: time.openapi({ description: 'Created then or later, ms since the epoch' }),
  until: time.openapi({ description: 'Created then or earlier, ms since the epoch' }),
})

/** The query of GET /v1/deployments: all that is given must hold. */
export const listSchema: z.ZodType<ListQuery> = object
/** The same, as the OpenAPI document has it. */
export const listQuery: z.ZodObject = object

const isIn = (deployment: Deployment, namespace: string): boolean =>
  deployment.namespaces?.includes(namespace) ?? deployment.request.steps.some((step) => step.namespace === namespace)

/** Whether a deployment is one of those asked for. @param tagged names of the targets with the tag that is asked for */
export const isWanted = (deployment: Deployment, query: Omit<ListQuery, 'limit'>, tagged: ReadonlySet<string> = new Set()): boolean => {
  const { status, target, namespace, name, tag } = query
  const { request, targets, state, result } = deployment
  if (status !== undefined && !status.some((word) => word === state || word === result)) return false
  if (target !== undefined && !targets.includes(target)) return false
  if (namespace !== undefined && !isIn(deployment, namespace)) return false
  if (name !== undefined && request.name?.toLowerCase().includes(name.toLowerCase()) !== true) return false
  return tag === undefined || request.tag === tag || targets.some((one) => tagged.has(one))
}

/** One page of the deployments that are asked for, newest first; its cost is that of the store's list. */
export const listDeployments = async (
  store: Pick<Store, 'deployments' | 'targets'>,
  { limit, cursor, since, until, ...query }: ListQuery,
): Promise<{ readonly deployments: Deployment[]; readonly next?: string }> => {
  const { tag } = query
  const targets = tag === undefined ? [] : await store.targets.list()
  const tagged = new Set(targets.filter((target) => tag !== undefined && target.tags.includes(tag)).map((target) => target.name))
  const isFiltered = Object.values(query).some((value) => value !== undefined)
  return store.deployments.list({
    limit,
    ...(isFiltered ? { matches: (deployment: Deployment) => isWanted(deployment, query, tagged) } : {}),
    ...(cursor === undefined ? {} : { cursor }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  })
}
