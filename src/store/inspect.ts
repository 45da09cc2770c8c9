import type { RedisFacts } from '../model/doctor.ts'
import { TelpherError } from '../model/errors.ts'
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
export const readInfo = (info: ReadonlyMap<string, string>): Omit<RedisFacts, 'place' | 'latencyMs' | 'skewMs'> => {
  const [version, policy, aof, writesFail] = [
    info.get('redis_version'),
    info.get('maxmemory_policy'),
    info.get('aof_enabled'),
    failedWrites(info),
  ]
  const { usedBytes, maxBytes } = judgeMemory(info)
  return {
    ...(version === undefined ? {} : { version }),
    ...(policy === undefined ? {} : { policy }),
    ...(aof === undefined ? {} : { appendOnly: aof === '1' }),
    ...(writesFail === undefined ? {} : { writesFail }),
    usedBytes,
    maxBytes,
    role: info.get('role') ?? 'unknown',
    replicas: replicasOf(info),
  }
}

/**
 * Asks a Redis about itself.
 * @throws TelpherError redis_timeout, redis_unreachable
 */
export const inspectConnection = async (connection: Connection): Promise<RedisFacts> => {
  const info = parseInfo(await connection.call((redis) => redis.info()))
  const trips: number[] = []
  for (let count = 0; count < pings; count++) {
    const sent = performance.now()
    await connection.call((redis) => redis.ping())
    trips.push(performance.now() - sent)
  }
  const asked = Date.now()
  const [seconds, micros] = await connection.call((redis) => redis.time())
  const skewMs = Number(seconds) * 1000 + Number(micros) / 1000 - (asked + Date.now()) / 2
  return { place: connection.place, latencyMs: trips.sort((a, b) => a - b)[Math.floor(pings / 2)] ?? 0, ...readInfo(info), skewMs }
}

/**
 * Asks a Redis about itself without using it: nothing is written.
 * @param url `redis://` or `rediss://`
 * @param timeoutMs milliseconds for each call
 * @throws TelpherError redis_timeout, redis_unreachable
 */
export const inspectRedis = async (url: string, timeoutMs = 3000): Promise<RedisFacts> => {
  let reason: unknown
  const log = (line: object): void => {
    reason = 'error' in line ? line.error : undefined
  }
  const connection = connect({ url, timeoutMs, clientName: 'doctor', once: true, log })
  try {
    return await inspectConnection(connection)
  } catch (thrown) {
    // The command only knows that its connection is closed.
    if (reason === undefined || !(thrown instanceof TelpherError) || thrown.code !== 'redis_unreachable') throw thrown
    throw new TelpherError('redis_unreachable', `Redis at ${connection.place} cannot be used: ${String(reason)}`, { cause: thrown })
  } finally {
    await connection.close()
  }
}
