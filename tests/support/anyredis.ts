import { readFileSync } from 'node:fs'
import { Cluster, Redis } from 'ioredis'
import { openRedisAddress, parseRedisAddress } from '../../src/model/redis-address.ts'

/** Whatever an address leads to: one server, the master behind Sentinel, or a cluster. */
export const openAnyRedis = (url: string): Redis | Cluster => {
  const { way, login } = openRedisAddress(parseRedisAddress(url), (file) => readFileSync(file, 'utf8'))
  if (way.kind === 'cluster') return new Cluster(way.nodes, { redisOptions: login })
  const { kind: _, ...place } = way
  return new Redis({ ...login, ...place })
}

/** Names of keys, of every master. */
export const namesIn = async (redis: Redis | Cluster, pattern: string): Promise<string[]> => {
  // A cluster knows its masters once it has answered.
  await redis.ping()
  const masters = redis instanceof Cluster ? redis.nodes('master') : [redis]
  return (await Promise.all(masters.map((master) => master.keys(pattern)))).flat()
}
