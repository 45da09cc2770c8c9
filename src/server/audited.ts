import type { Context } from 'hono'
import type { AuditDetail, AuditEvent } from '../model/audit.ts'
import { toTelpherError } from '../model/errors.ts'
import type { ApiDeps, ApiEnv } from './context.ts'
import type { RouteName } from './routes.ts'

type Answer = Readonly<Record<string, unknown>>
type What = Pick<AuditEvent, 'type' | 'action'>

/** What a route does, for the record of who did what. */
interface Audited {
  readonly what: What
  /** What it is done to; the `name` or `id` of the path when absent. @param answer of a success */
  readonly name?: (answer: Answer) => unknown
  /** What of the answer is worth keeping; nothing secret is in an answer. */
  readonly keep?: readonly string[]
}

const startedOf = ({ deployment }: Answer): unknown => (deployment as { readonly id?: unknown } | undefined)?.id
const freezeKept = ['target', 'tags', 'reason', 'until']
const poolKept = ['min', 'max', 'state', 'reason']

/** Every route that changes something, and those that give much away. What is missing here must be said in `unaudited`. */
export const audited: Partial<Record<RouteName, Audited>> = {
  deploy: { what: { type: 'deployment', action: 'start' }, name: startedOf },
  retry: { what: { type: 'deployment', action: 'retry' }, name: startedOf },
  rerun: { what: { type: 'deployment', action: 'rerun' }, name: startedOf },
  rollback: { what: { type: 'deployment', action: 'rollback' }, name: startedOf },
  cancel: { what: { type: 'deployment', action: 'cancel' } },
  addTarget: {
    what: { type: 'target', action: 'add' },
    name: ({ name }) => name,
    keep: ['server', 'pool', 'account.mode', 'account.deployer', 'account.fingerprint'],
  },
  changeTarget: { what: { type: 'target', action: 'change' }, keep: ['server', 'alternates', 'tlsServerName'] },
  removeTarget: { what: { type: 'target', action: 'remove' } },
  rotateAccount: { what: { type: 'account', action: 'replace' }, keep: ['kind', 'id'] },
  checkTarget: { what: { type: 'target', action: 'check' }, keep: ['id'] },
  pinImage: { what: { type: 'image', action: 'pin' } },
  rotateKeys: { what: { type: 'key', action: 'rotate' }, name: () => 'master key', keep: ['resealed'] },
  dropKey: { what: { type: 'key', action: 'drop' }, name: ({ kid }) => kid, keep: ['droppedAt'] },
  addProducer: { what: { type: 'producer', action: 'add' }, name: ({ name }) => name, keep: ['fingerprint'] },
  removeProducer: { what: { type: 'producer', action: 'remove' } },
  enrolWorkers: { what: { type: 'pool', action: 'enrol' }, keep: ['fingerprint'] },
  revokeEnrolment: { what: { type: 'pool', action: 'expel' } },
  drainWorker: { what: { type: 'worker', action: 'drain' } },
  addFreeze: { what: { type: 'freeze', action: 'add' }, name: ({ id }) => id, keep: freezeKept },
  liftFreeze: { what: { type: 'freeze', action: 'lift' } },
  createPool: { what: { type: 'pool', action: 'create' }, name: ({ name }) => name, keep: poolKept },
  changePool: { what: { type: 'pool', action: 'change' }, keep: poolKept },
  setPoolState: { what: { type: 'pool', action: 'state' }, keep: poolKept },
  removePool: { what: { type: 'pool', action: 'remove' } },
  setSecret: { what: { type: 'secret', action: 'set' }, keep: ['version', 'fingerprint'] },
  removeSecret: { what: { type: 'secret', action: 'remove' } },
  backup: { what: { type: 'backup', action: 'read' }, name: () => 'backup' },
  restore: { what: { type: 'backup', action: 'restore' }, name: () => 'backup', keep: ['targets', 'deployments'] },
}

/** Who asks, as far as that is known: one token is everybody's, and the name is what a client gives itself. */
export const whoOf = (context: Context<ApiEnv>): string => {
  const given = context.req.header('x-telpher-user') ?? ''
  return /^[\w.@-]{1,64}$/.test(given) ? `api:${given}` : 'api'
}

/** A mistake in a request is nothing that anybody did; a refusal for how things stand is. */
const isMistake = (status: number): boolean => status === 400 || status === 401 || status === 404 || status === 422

const flat = (value: unknown): string | number | boolean | undefined => {
  if (typeof value === 'string') return value.slice(0, 300)
  if (typeof value === 'number' || typeof value === 'boolean') return value
  return value === undefined || value === null ? undefined : JSON.stringify(value).slice(0, 300)
}

const detailOf = (answer: Answer, keep: readonly string[]): AuditDetail =>
  Object.fromEntries(
    keep.flatMap((field) => {
      const value = flat(field.split('.').reduce<unknown>((found, part) => (found as Answer | undefined)?.[part], answer))
      return value === undefined ? [] : [[field, value]]
    }),
  )

const answerOf = async (response: Response): Promise<Answer> => {
  if (!/json/.test(response.headers.get('content-type') ?? '')) return {}
  const value: unknown = await response.clone().json()
  return typeof value === 'object' && value !== null ? (value as Answer) : {}
}

/** Records what a request did, after it was done and before it is answered; an answer never depends on it. */
export const recordRequest = async (context: Context<ApiEnv>, { store, log, now = Date.now }: ApiDeps): Promise<void> => {
  const route = context.get('route')
  const rule = route === undefined ? undefined : audited[route]
  const { status } = context.res
  if (rule === undefined || isMistake(status)) return
  try {
    const answer = await answerOf(context.res)
    const isDone = status < 400
    const path = context.get('subject') ?? context.req.param('name') ?? context.req.param('id')
    const name = (isDone ? rule.name?.(answer) : undefined) ?? path
    const detail = isDone ? detailOf(answer, rule.keep ?? []) : {}
    const isRun = rule.what.type === 'deployment' && typeof name === 'string'
    await store.audit.append({
      ...rule.what,
      at: now(),
      who: whoOf(context),
      name: typeof name === 'string' ? name.slice(0, 200) : '',
      ...(isRun ? { deploymentId: name } : {}),
      outcome: isDone ? 'done' : status < 500 ? 'refused' : 'failed',
      ...(isDone || typeof answer['name'] !== 'string' ? {} : { code: answer['name'] }),
      ...(Object.keys(detail).length === 0 ? {} : { detail }),
    } as AuditEvent)
  } catch (thrown) {
    log.warn({ error: toTelpherError(thrown).message, route }, 'a request is not in the record of who did what')
  }
}
