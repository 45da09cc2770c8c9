import type { KeyObject } from 'node:crypto'
import { type CheckEnvelope, type Envelope, type JobEnvelope, mustBeCurrent, openEnvelope } from '../src/model/envelope.ts'
import { TelpherError, toTelpherError } from '../src/model/errors.ts'
import type { QueueItem } from '../src/queue/index.ts'
import { type Store, untilThrough } from '../src/store/index.ts'

const mustAgree = (isSame: boolean, what: string): void => {
  if (!isSame) throw new TelpherError('envelope_refused', `the item is of another ${what} than was signed`)
}

const mustBeOf = (item: QueueItem, envelope: Envelope): void => {
  mustAgree(item.kind === envelope.kind, 'kind')
  if (item.kind === 'check' && envelope.kind === 'check') {
    mustAgree(item.checkId === envelope.checkId, 'check')
    mustAgree(item.target === envelope.target, 'target')
  }
  if (item.kind === 'job') {
    mustAgree(item.deploymentId === envelope.deploymentId && item.jobId === envelope.jobId, 'job')
    mustAgree(item.attempt === envelope.attempt, 'attempt')
  }
}

/**
 * What a server signed of an item from the queue, where anybody who reaches Redis could have put it.
 * @param trusted the pool of this worker, and the keys of the servers that it was enrolled with
 * @returns `newer` for what only a newer worker understands
 * @throws TelpherError envelope_refused, envelope_expired
 */
export const readEnvelope = (
  item: QueueItem,
  trusted: { readonly pool: string; readonly serverKeys: readonly KeyObject[] },
  now: number,
): JobEnvelope | CheckEnvelope | 'newer' => {
  const envelope = openEnvelope(item.envelope, trusted.serverKeys)
  if (envelope === 'newer') return envelope
  mustBeOf(item, envelope)
  mustAgree(envelope.pool === trusted.pool, 'pool')
  mustBeCurrent(envelope, now)
  if (envelope.kind === 'job' && envelope.attempt > envelope.attempts)
    throw new TelpherError('envelope_refused', `attempt ${envelope.attempt} is beyond the ${envelope.attempts} that were signed`)
  return envelope
}

/**
 * Ends the attempt that an item names with what is wrong with it, where the store says that it waits to begin in this pool; what has expired
 * is left to the scheduler, which signs another.
 */
export const tellRefusal = async (
  item: QueueItem,
  thrown: unknown,
  { store, pool, workerName }: { readonly store: Store; readonly pool: string; readonly workerName: string },
): Promise<void> => {
  const { code, message, hint } = toTelpherError(thrown)
  if (code === 'envelope_expired') return
  const sentence = `worker ${workerName} refused its queue item: ${message}`
  if (item.kind === 'check') {
    const line = { rung: 'worker', subject: 'queue item', status: 'failed', ms: 0, message: sentence, code, fix: hint } as const
    await untilThrough(() =>
      store.checks.put(item.checkId, { target: item.target, ok: false, at: Date.now(), worker: workerName, lines: [line] }),
    )
    return
  }
  const job = await untilThrough(() => store.jobs.get(item))
  if (job.status !== 'admitted' || job.attempt + 1 !== item.attempt || job.pool !== pool) return
  await untilThrough(() =>
    store.jobs.apply(job, { type: 'end', attempt: job.attempt, end: { status: 'errored', code: 'envelope_refused', sentence } }),
  )
}
