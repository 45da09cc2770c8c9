import type { HealthRecord } from '../model/health.ts'
import type { Connection } from './connection.ts'
import { healthKeys } from './keys.ts'
import type { Health } from './types.ts'

/** What the checks of targets came to, by the target's name; written by the one server whose turn it is. */
export const createHealth = (connection: Connection): Health => ({
  list: async () => {
    const all = await connection.call((redis) => redis.hgetall(healthKeys.records))
    return new Map(Object.entries(all).map(([name, text]) => [name, JSON.parse(text) as HealthRecord]))
  },
  put: async (name, record) => {
    await connection.call((redis) => redis.hset(healthKeys.records, name, JSON.stringify(record)))
  },
  forget: async (names) => {
    if (names.length > 0) await connection.call((redis) => redis.hdel(healthKeys.records, ...names))
  },
  turn: async (server, forMs) => {
    const taken = await connection.call((redis) => redis.set(healthKeys.turn, server, 'PX', forMs, 'NX'))
    if (taken === 'OK') return true
    if ((await connection.call((redis) => redis.get(healthKeys.turn))) !== server) return false
    await connection.call((redis) => redis.pexpire(healthKeys.turn, forMs))
    return true
  },
})
