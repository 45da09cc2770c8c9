import { TelpherError } from '../model/errors.ts'
import { type Freeze, holds } from '../model/freeze.ts'
import type { Connection } from './connection.ts'
import { freezesKey } from './keys.ts'
import type { Freezes } from './types.ts'

/** The freezes: one hash, since a scheduler reads them all before it admits a job. */
export const createFreezes = (connection: Connection): Freezes => ({
  add: async (freeze) => {
    await connection.call((redis) => redis.hset(freezesKey, freeze.id, JSON.stringify(freeze)))
  },
  list: async (now) => {
    const texts = await connection.call((redis) => redis.hvals(freezesKey))
    const all = texts.map((text) => JSON.parse(text) as Freeze)
    const over = all.filter((freeze) => !holds(freeze, now))
    if (over.length > 0) await connection.call((redis) => redis.hdel(freezesKey, ...over.map(({ id }) => id)))
    return all.filter((freeze) => holds(freeze, now)).sort((a, b) => a.createdAt - b.createdAt)
  },
  lift: async (id) => {
    if ((await connection.call((redis) => redis.hdel(freezesKey, id))) === 0)
      throw new TelpherError('unknown_freeze', `there is no freeze ${id.slice(0, 64)}`)
  },
})
