// biome-ignore lint/style/noRestrictedImports: BullMQ takes a cluster only as a client of ioredis that is made already (docs/decisions/0011-two-clients-of-a-cluster.md)
import { Cluster, type RedisOptions } from 'ioredis'
import type { RedisNode } from '../model/redis-address.ts'
import type { QueueConnection } from './connection.ts'

/**
 * The queue's own client of a cluster.
 * @param options what each connection to a node is made with
 * @param retry ms until a cluster of which no node answers is tried again
 */
export const openCluster = (
  nodes: readonly RedisNode[],
  options: Omit<RedisOptions, 'replyMapping' | 'retryStrategy'>,
  retry: (times: number) => number,
): QueueConnection => {
  const connection = new Cluster([...nodes], {
    clusterRetryStrategy: retry,
    // Names stay names: certificates bear them.
    dnsLookup: (host, callback) => callback(null, host),
    slotsRefreshTimeout: options.connectTimeout ?? 1000,
    redisOptions: options,
  })
  // BullMQ hears its errors while it has it.
  connection.on('error', () => {})
  return { connection, end: () => connection.disconnect() }
}
