import { stat } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { Redis } from 'ioredis'
import type { RedisFacts } from '../model/doctor.ts'
import { type Connection, connect } from './connection.ts'
import { judgeMemory } from './memory.ts'
import { parseInfo } from './startcheck.ts'

const pings = 5

const replicasOf = (info: ReadonlyMap<string, string>): RedisFacts['replicas'] =>
  [...info]
    .filter(([name]) => /^slave\d+$/.test(name))
    .map(([, text]) => {
      const parts = new Map(text.split(',').map((part) => part.split('=') as [string, string]))
      return { state: parts.get('state') ?? 'unknown', lagSeconds: Number(parts.get('lag') ?? 0) }
    })

const failedWrites = (info: ReadonlyMap<string, string>): string | undefined => {
  if (info.get('aof_last_write_status') === 'err') return 'the last write to the append-only file failed'
  if (info.get('aof_last_bgrewrite_status') === 'err') return 'the last rewrite of the append-only file failed'
  return info.get('rdb_last_bgsave_status') === 'err' ? 'the last snapshot failed' : undefined
}

/** What INFO tells (redis.io/docs/latest/commands/info). */
export const readInfo = (
  info: ReadonlyMap<string, string>,
): Omit<RedisFacts, 'place' | 'latencyMs' | 'skewMs' | 'reach' | 'tls' | 'open' | 'socketMode'> => {
  const [version, policy, aof, writesFail] = [
    info.get('redis_version'),
    info.get('maxmemory_policy'),
    info.get('aof_enabled'),
    failedWrites(info),
  ]
  const { usedBytes, maxBytes } = judgeMemory(info)
  const valkey = info.get('valkey_version')
  return {
    ...(version === undefined ? {} : { version }),
    ...(valkey === undefined ? {} : { valkey }),
    ...(policy === undefined ? {} : { policy }),
    ...(aof === undefined ? {} : { appendOnly: aof === '1' }),
    ...(writesFail === undefined ? {} : { writesFail }),
    usedBytes,
    maxBytes,
    role: info.get('role') ?? 'unknown',
    replicas: replicasOf(info),
  }
}

/** Whether a node lets in who shows nothing. */
const isOpen = async (node: Redis): Promise<boolean | undefined> => {
  const { host, port, path, tls } = node.options
  const place = typeof path === 'string' ? { path } : { host: host ?? '127.0.0.1', port: port ?? 6379 }
  const bare = new Redis({
    ...place,
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: 2000,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    lazyConnect: true,
  })
  bare.on('error', () => {})
  try {
    return (await bare.ping()) === 'PONG'
  } catch (error) {
    return error instanceof Error && /NOAUTH|WRONGPASS|NOPERM/.test(error.message) ? false : undefined
  } finally {
    bare.disconnect()
  }
}

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/

const accessOf = async (node: Redis): Promise<Pick<RedisFacts, 'reach' | 'tls' | 'open' | 'socketMode'>> => {
  const { path, host = '' } = node.options
  const open = await isOpen(node)
  const shared = { tls: node.options.tls !== undefined, ...(open === undefined ? {} : { open }) }
  if (path === undefined || path === null) {
    // Sentinel names the master: the socket knows where that is.
    const address = (node.stream as Socket | undefined)?.remoteAddress ?? host
    return { ...shared, reach: loopback.test(host) || loopback.test(address.replace(/^::ffff:/, '')) ? 'loopback' : 'network' }
  }
  const mode = await stat(path).then(
    (found) => found.mode,
    () => undefined,
  )
  return { ...shared, reach: 'socket', ...(mode === undefined ? {} : { socketMode: mode }) }
}

const inspectNode = async (redis: Redis, place: string): Promise<RedisFacts> => {
  const info = parseInfo(await redis.info())
  const trips: number[] = []
  for (let count = 0; count < pings; count++) {
    const sent = performance.now()
    await redis.ping()
    trips.push(performance.now() - sent)
  }
  const asked = Date.now()
  const [seconds, micros] = await redis.time()
  const skewMs = Number(seconds) * 1000 + Number(micros) / 1000 - (asked + Date.now()) / 2
  return {
    place,
    latencyMs: trips.sort((a, b) => a - b)[Math.floor(pings / 2)] ?? 0,
    ...readInfo(info),
    skewMs,
    ...(await accessOf(redis)),
  }
}

/**
 * Asks a Redis about itself; of a cluster, each master.
 * @throws TelpherError redis_timeout, redis_unreachable, redis_denied, redis_tls
 */
export const inspectConnection = (connection: Connection): Promise<RedisFacts[]> => connection.onMasters(inspectNode)

/**
 * Asks a Redis about itself without using it: nothing is written.
 * @param url the address (model/redis-address.ts)
 * @param timeoutMs milliseconds for each call
 * @throws TelpherError invalid_input, redis_file, redis_timeout, redis_unreachable, redis_denied, redis_tls
 */
export const inspectRedis = async (url: string, timeoutMs = 3000): Promise<RedisFacts[]> => {
  const connection = connect({ url, timeoutMs, clientName: 'doctor', once: true, log: () => {} })
  try {
    return await inspectConnection(connection)
  } finally {
    await connection.close()
  }
}
