import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import { z } from 'zod'
import type { SealedRecord } from '../model/credential.ts'
import type { Run } from '../scheduler/again.ts'
import { isFull, untilThrough } from '../store/index.ts'
import { whoOf } from './audited.ts'
import type { ApiDeps, ApiEnv } from './context.ts'
import { parsed } from './on.ts'

/** An outage shorter than this, in ms, delays an answer that would otherwise lead to a second deployment. */
const patienceMs = 20_000

const keySchema = z.object({ 'Idempotency-Key': z.string().min(1).max(255).optional() })

/** A deployment that is not stored yet, with the secrets that were sealed for it alone. */
export type Planned = Run & { readonly secrets?: readonly SealedRecord[] }

/** Does the work once for each key: a repeated request gets the first one's answer. */
const once = async (
  key: string | undefined,
  text: string,
  { store }: Pick<ApiDeps, 'store'>,
  work: () => Promise<string>,
): Promise<string> => {
  if (key === undefined) return work()
  const begun = await store.idempotency.begin(key, createHash('sha256').update(text).digest('hex'))
  if (begun.state === 'done') return begun.body
  const body = await work().catch(async (thrown: unknown) => {
    await store.idempotency.forget(key).catch(() => {})
    throw thrown
  })
  // The deployment is on its way: an outage between it and its answer must not let a repetition start another one.
  await untilThrough(() => store.idempotency.finish(key, 202, body), { forMs: patienceMs })
  return body
}

/**
 * Starts a deployment, once for each key.
 * @param text what was asked for: the same key with another text is refused
 * @param plan the deployment, not yet stored
 * @returns the deployment and its jobs as JSON
 * @throws TelpherError redis_full, idempotency_mismatch, idempotency_in_flight, and what `plan` throws
 */
export const startOnce = (
  key: string | undefined,
  text: string,
  deps: Pick<ApiDeps, 'store'>,
  plan: () => Promise<Planned>,
): Promise<string> =>
  once(key, text, deps, async () => {
    await deps.store.memory.mustHaveRoom()
    const { deployment, jobs, secrets } = await plan()
    // Safe to repeat, and a caller's repetition would be another deployment.
    await untilThrough(() => deps.store.deployments.create(deployment, jobs, secrets), { forMs: patienceMs, unless: isFull })
    return JSON.stringify({ deployment, jobs })
  })

/** The same for a request with an Idempotency-Key: answers with the deployment and where it is. */
export const answerStarted = async (
  context: Context<ApiEnv>,
  text: string,
  deps: ApiDeps,
  plan: () => Promise<Planned>,
): Promise<Response> => {
  const { 'Idempotency-Key': key } = parsed(keySchema, { 'Idempotency-Key': context.req.header('idempotency-key') })
  const by = whoOf(context)
  const body = await startOnce(key, text, deps, async () => {
    const planned = await plan()
    return by === 'api' ? planned : { ...planned, deployment: { ...planned.deployment, by } }
  })
  const { deployment } = JSON.parse(body) as Run
  return context.body(body, 202, { 'content-type': 'application/json', location: `/v1/deployments/${deployment.id}` })
}
