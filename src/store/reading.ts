import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Connection } from './connection.ts'

/** After a read that failed, in ms. */
const againMs = 200

/**
 * Reads that block, one after the other, on a connection of their own: until the signal, or until the store is closed.
 * @param read what came; empty when nothing did. One that fails is one of an outage: it must not end who waits, nor spin
 * @param isOver asked when nothing came: true ends the reading, and what it throws does not
 * @returns what came, at least one a time
 */
export async function* blockingReads<T>(
  connection: Connection,
  signal: AbortSignal,
  read: (redis: Client) => Promise<readonly T[]>,
  isOver: () => Promise<boolean> = async () => false,
): AsyncGenerator<readonly T[]> {
  const ended = AbortSignal.any([connection.closed, signal])
  const redis = connection.blocking()
  const end = (): void => redis.disconnect()
  ended.addEventListener('abort', end, { once: true })
  try {
    while (!ended.aborted) {
      const found = await read(redis).catch(() => undefined)
      // What was taken out of Redis is given on, also when nobody waits any more.
      if (found !== undefined && found.length > 0) yield found
      else if (ended.aborted) return
      else if (found === undefined) await sleep(againMs)
      else if (await isOver().catch(() => false)) return
    }
  } finally {
    ended.removeEventListener('abort', end)
    end()
  }
}
