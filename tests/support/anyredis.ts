import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Cluster, Redis } from 'ioredis'
import { openRedisAddress, parseRedisAddress } from '../../src/model/redis-address.ts'

/** Whatever an address leads to: one server, the master behind Sentinel, or a cluster. */
export const openAnyRedis = (url: string): Redis | Cluster => {
  const { way, login } = openRedisAddress(parseRedisAddress(url), (file) => readFileSync(file, 'utf8'))
  if (way.kind === 'cluster') return new Cluster(way.nodes, { redisOptions: login })
  const { kind: _, ...place } = way
  return new Redis({ ...login, ...place })
}

/** Whether a key is what a store writes before it waits for a replica: it ends by itself within a second, and is there behind Sentinel only. */
export const isMark = (key: string): boolean => key.endsWith(':replicated')

/** The ports of the servers that an address leads to. */
export const portsOf = async (url: string): Promise<(number | undefined)[]> => {
  const redis = openAnyRedis(url)
  await redis.ping()
  const ports = redis instanceof Cluster ? redis.nodes().map(({ options }) => options.port) : [(redis.stream as Socket).remotePort]
  redis.disconnect()
  return ports
}

/** Names of keys, of every master; without marks. */
export const namesIn = async (redis: Redis | Cluster, pattern: string): Promise<string[]> => {
  // A cluster knows its masters once it has answered.
  await redis.ping()
  const masters = redis instanceof Cluster ? redis.nodes('master') : [redis]
  return (await Promise.all(masters.map((master) => master.keys(pattern)))).flat().filter((key) => !isMark(key))
}
