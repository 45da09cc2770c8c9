import type { Connection } from './connection.ts'
import { followStreams } from './follow.ts'
import { wakeKey } from './keys.ts'
import { isFull, untilThrough } from './persist.ts'
import type { Wakes } from './types.ts'

/** Wakes that nobody heard are found by the sweep, so only the last ones are kept. */
const keptWakes = 10_000

export const createWakes = (connection: Connection): Wakes => ({
  send: async (deploymentId) => {
    try {
      await connection.call((redis) => redis.xadd(wakeKey, 'MAXLEN', '~', keptWakes, '*', 'd', deploymentId))
    } catch (error) {
      // The sweep finds what a full Redis does not take.
      if (!isFull(error)) throw error
    }
  },
  async *follow(signal) {
    const last = await untilThrough(() => connection.call((redis) => redis.xrevrange(wakeKey, '+', '-', 'COUNT', 1)), {
      signal,
      forMs: Infinity,
    })
    const after = new Map([[wakeKey, last[0]?.[0] ?? '0-0']])
    for await (const found of followStreams(connection, after, { follow: true, signal, idle: async () => false })) {
      const entries = found.get(wakeKey) ?? []
      const end = entries.at(-1)
      if (end !== undefined) after.set(wakeKey, end.id)
      yield [...new Set(entries.map((entry) => entry.fields.get('d') ?? ''))]
    }
  },
})
