import { TelpherError } from '../model/errors.ts'
import { implicitPool, type Pool } from '../model/pool.ts'
import type { ScaleState } from '../model/scale.ts'
import type { Connection } from './connection.ts'
import { poolsKey, scalerTurnKey } from './keys.ts'
import type { Pools } from './types.ts'

const stateField = (name: string): string => `${name}#scale`
const poolOf = (text: string | null | undefined, name: string): Pool => (text == null ? implicitPool(name) : (JSON.parse(text) as Pool))

/** Pools of which something was said; every other name is a pool as well, with nothing said of it. */
export const createPools = (connection: Connection): Pools => {
  /** Writes a field as a pure function of what is there, by compare-and-set. */
  const swap = async (field: string, change: (text: string) => string): Promise<void> => {
    for (let tries = 0; tries < 50; tries++) {
      const text = (await connection.call((redis) => redis.hget(poolsKey, field))) ?? ''
      const changed = change(text)
      if (changed === text || (await connection.script('swap-field', [poolsKey], [field, text, changed])) === 1) return
    }
    throw new TelpherError('redis_timeout', `${field} is changed by too many at once`)
  }
  return {
    create: async (pool) => {
      if ((await connection.call((redis) => redis.hsetnx(poolsKey, pool.name, JSON.stringify(pool)))) === 0)
        throw new TelpherError('pool_exists', `there is a pool ${pool.name} already`)
    },
    get: async (name) => poolOf(await connection.call((redis) => redis.hget(poolsKey, name)), name),
    list: async () => {
      const all = await connection.call((redis) => redis.hgetall(poolsKey))
      const texts = Object.entries(all).filter(([field]) => !field.includes('#'))
      return texts.map(([name, text]) => poolOf(text, name)).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    change: async (name, change) => {
      let changed = implicitPool(name)
      await swap(name, (text) => {
        changed = change(poolOf(text === '' ? undefined : text, name))
        return JSON.stringify(changed)
      })
      return changed
    },
    remove: async (name) => {
      if ((await connection.call((redis) => redis.hdel(poolsKey, name, stateField(name)))) === 0)
        throw new TelpherError('unknown_pool', `nothing was said of a pool ${name.slice(0, 64)}`)
    },
    scaleState: async (name, change) => {
      let changed: ScaleState | undefined
      await swap(stateField(name), (text) => {
        changed = change(text === '' ? undefined : (JSON.parse(text) as ScaleState))
        return changed === undefined ? '' : JSON.stringify(changed)
      })
      return changed
    },
    readScaleState: async (name) => {
      const text = await connection.call((redis) => redis.hget(poolsKey, stateField(name)))
      return text === null ? undefined : (JSON.parse(text) as ScaleState)
    },
    scalerTurn: async (server, forMs) => {
      const taken = await connection.call((redis) => redis.set(scalerTurnKey, server, 'PX', forMs, 'NX'))
      if (taken === 'OK') return true
      if ((await connection.call((redis) => redis.get(scalerTurnKey))) !== server) return false
      await connection.call((redis) => redis.pexpire(scalerTurnKey, forMs))
      return true
    },
  }
}
