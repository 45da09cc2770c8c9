import { setTimeout as sleep } from 'node:timers/promises'
import { blockMs, type Client, type Connection } from './connection.ts'
import { wakeKey } from './keys.ts'
import { isFull } from './persist.ts'
import type { Wakes } from './types.ts'

/** Wakes that nobody heard are found by the sweep, so only the last ones are kept. */
const keptWakes = 10_000

/** All servers are one reader, so that each wake is one server's to answer: a look of every server at every deployment is work for nothing. */
const group = 'servers'

const read = async (redis: Client): Promise<string[]> => {
  // Nothing is acknowledged: what a server took and did not do, because it died, is found by the sweep of the others.
  const answer = await redis.xreadgroup('GROUP', group, group, 'COUNT', 256, 'BLOCK', blockMs, 'NOACK', 'STREAMS', wakeKey, '>')
  const entries = ((answer ?? []) as [string, [string, string[]][]][]).flatMap(([, found]) => found)
  return entries.map(([, fields]) => fields[1] ?? '')
}

/** The group is not there at the first start, and after a Redis that lost its data. */
const isWithoutGroup = (error: unknown): boolean => error instanceof Error && error.message.startsWith('NOGROUP')

const createGroup = async (redis: Client): Promise<void> => {
  await redis.xgroup('CREATE', wakeKey, group, '$', 'MKSTREAM').catch((error: unknown) => {
    if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error
  })
}

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
    const ended = AbortSignal.any([connection.closed, signal])
    const redis = connection.blocking()
    const end = (): void => redis.disconnect()
    ended.addEventListener('abort', end, { once: true })
    try {
      while (!ended.aborted) {
        const ids = await read(redis).catch(async (error: unknown) => {
          if (isWithoutGroup(error)) await createGroup(redis).catch(() => {})
          // A read that failed is one of an outage: it must not end who listens, nor spin.
          else await sleep(200)
          return []
        })
        if (ids.length > 0) yield [...new Set(ids)]
      }
    } finally {
      ended.removeEventListener('abort', end)
      end()
    }
  },
})
