import { blockMs, type Client, type Connection } from './connection.ts'
import { makeGroup, servers } from './group.ts'
import { wakeKey } from './keys.ts'
import { isFull } from './persist.ts'
import { blockingReads } from './reading.ts'
import type { Wakes } from './types.ts'

/** Wakes that nobody heard are found by the sweep, so only the last ones are kept. */
const keptWakes = 10_000

/** All servers are one reader, so that each wake is one server's to answer: a look of every server at every deployment is work for nothing. */
const read = async (redis: Client): Promise<string[]> => {
  try {
    // Nothing is acknowledged: what a server took and did not do, because it died, is found by the sweep of the others.
    const answer = await redis.xreadgroup('GROUP', servers, servers, 'COUNT', 256, 'BLOCK', blockMs, 'NOACK', 'STREAMS', wakeKey, '>')
    const entries = ((answer ?? []) as [string, [string, string[]][]][]).flatMap(([, found]) => found)
    return entries.map(([, fields]) => fields[1] ?? '')
  } catch (error) {
    // The group is not there at the first start, and after a Redis that lost its data.
    if (!(error instanceof Error && error.message.startsWith('NOGROUP'))) throw error
    await makeGroup(redis, wakeKey, '$')
    return []
  }
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
    for await (const ids of blockingReads(connection, signal, read)) yield [...new Set(ids)]
  },
})
