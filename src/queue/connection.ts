import type { ConnectionOptions } from 'bullmq'
import { TelpherError } from '../model/errors.ts'
import type { QueueItem } from './types.ts'

/** BullMQ's own default backs off to 20 s, which is how long an outage would outlast itself. */
const retryStrategy = (times: number): number => Math.min(times * 100, 1000)

/** All keys of a pool's queue in one slot. */
export const poolPrefix = (pool: string): string => `{tel-pool-${pool}}`

export const queueName = 'jobs'

/** A queue beside a pool's own, for what must not wait until a worker has a slot free; no pool can have this name. */
export const urgentPool = (pool: string): string => `${pool}.urgent`

/** BullMQ's own keys trim themselves; nobody reads its events, so few are kept. */
export const keptEvents = 100

/** Neither side waits for ever for a connection that half exists. */
export const connectionOf = (url: string, timeoutMs: number): ConnectionOptions => ({ url, retryStrategy, connectTimeout: timeoutMs })

/**
 * The id by which an item is in the queue once.
 * @param copy above 0 for one more of an item that a worker took and never started
 */
export const itemId = (item: QueueItem, copy = 0): string => {
  const id = item.kind === 'check' ? item.checkId : `${item.kind === 'fence' ? 'fence-' : ''}${item.jobId}-${item.attempt}`
  return copy === 0 ? id : `${id}-again${copy}`
}

/** What BullMQ or ioredis said, as an error that a person can act on. */
export const toQueueError = (thrown: unknown): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (/OOM|MISCONF/.test(message)) return new TelpherError('redis_full', `the queue refuses to write: ${message}`, { cause: thrown })
  if (/timed out/i.test(message)) return new TelpherError('redis_timeout', 'the queue did not answer in time', { cause: thrown })
  return new TelpherError('redis_unreachable', `the queue cannot be used: ${message}`, { cause: thrown })
}
