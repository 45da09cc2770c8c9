import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'bullmq'
import { TelpherError } from '../model/errors.ts'
import { openRedisAddress, parseRedisAddress } from '../model/redis-address.ts'
import { openCluster } from './cluster.ts'
import type { QueueItem } from './types.ts'

/** BullMQ's own default backs off to 20 s, which is how long an outage would outlast itself. */
const retryStrategy = (times: number): number => Math.min(times * 100, 1000)

/** All keys of a pool's queue in one slot. */
export const poolPrefix = (pool: string): string => `{tel-pool-${pool}}`

export const queueName = 'jobs'

/** BullMQ's own keys trim themselves; nobody reads its events, so few are kept. */
export const keptEvents = 100

/** Over the 10 s that BullMQ blocks at most, in ms: a master that hangs is left for the one that follows it. */
const silentMs = 15_000

/** What BullMQ connects by. */
export interface QueueConnection {
  readonly connection: ConnectionOptions
  /** Ends what BullMQ does not end itself. */
  end(): void
}

/**
 * Neither side waits for ever for a connection that half exists.
 * @param url the address (model/redis-address.ts); its files are read now
 * @param retries how often a command is sent again; null for ever
 * @throws TelpherError invalid_input, redis_file
 */
export const connectionOf = (url: string, timeoutMs: number, retries: number | null): QueueConnection => {
  const { way, login } = openRedisAddress(parseRedisAddress(url), (file) => readFileSync(file, 'utf8'))
  const { tls, ...plain } = login
  const shared = {
    ...plain,
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: timeoutMs,
    socketTimeout: silentMs,
    maxRetriesPerRequest: retries,
  }
  if (way.kind === 'cluster') return openCluster(way.nodes, shared, retryStrategy)
  const { kind: _, ...place } = way
  const sentinel =
    way.kind === 'sentinel'
      ? { sentinelCommandTimeout: 1500, ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }) }
      : {}
  // After a fail-over the old master answers READONLY: Sentinel names another one.
  const reconnectOnError = (error: Error): 2 | false => (/^(READONLY|LOADING)/.test(error.message) ? 2 : false)
  return { connection: { ...shared, ...place, ...sentinel, retryStrategy, reconnectOnError }, end: () => {} }
}

/**
 * The id by which an item is in the queue once.
 * @param copy above 0 for one more of an item that a worker took and never started
 */
export const itemId = (item: QueueItem, copy = 0): string => {
  const id = item.kind === 'check' ? item.checkId : `${item.jobId}-${item.attempt}`
  return copy === 0 ? id : `${id}-again${copy}`
}

/** What BullMQ or ioredis said, as an error that a person can act on. */
export const toQueueError = (thrown: unknown): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (/OOM|MISCONF/.test(message)) return new TelpherError('redis_full', `the queue refuses to write: ${message}`, { cause: thrown })
  if (/NOAUTH|WRONGPASS|NOPERM|user executing the script/.test(message))
    return new TelpherError('redis_denied', `the queue is refused to this user: ${message}`, { cause: thrown })
  if (/timed out/i.test(message)) return new TelpherError('redis_timeout', 'the queue did not answer in time', { cause: thrown })
  return new TelpherError('redis_unreachable', `the queue cannot be used: ${message}`, { cause: thrown })
}
