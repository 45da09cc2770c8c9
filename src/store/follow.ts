import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { blockMs, type Connection } from './connection.ts'

/** An entry of a stream: its id and its fields. */
export interface StreamEntry {
  readonly id: string
  readonly fields: ReadonlyMap<string, string>
}

type RawEntry = [id: string, fields: string[]]

export const toEntry = ([id, flat]: RawEntry): StreamEntry => ({
  id,
  fields: new Map(Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] ?? '', flat[index * 2 + 1] ?? ''])),
})

/** How many entries of each stream one read brings at most. */
export const pageSize = 256

/** Entries of each stream after its id, in the order of the streams given; empty when none came in time. */
const readStreams = async (redis: Redis, after: ReadonlyMap<string, string>, block: boolean): Promise<Map<string, StreamEntry[]>> => {
  const streams = [...after.keys(), ...after.values()]
  const answer = block
    ? await redis.xread('COUNT', pageSize, 'BLOCK', blockMs, 'STREAMS', ...streams)
    : await redis.xread('COUNT', pageSize, 'STREAMS', ...streams)
  return new Map((answer ?? []).map(([key, entries]) => [key, (entries as RawEntry[]).map(toEntry)]))
}

/**
 * Reads streams of one slot, and goes on as they grow.
 * @param after the id in each stream to begin after; the caller moves it on
 * @param options.follow whether to wait for more; else it ends when there is nothing more
 * @param options.idle asked when nothing came for a while: true ends it
 * @returns what came, at least one entry a time
 */
export async function* followStreams(
  connection: Connection,
  after: ReadonlyMap<string, string>,
  options: { readonly follow: boolean; readonly signal?: AbortSignal; readonly idle: () => Promise<boolean> },
): AsyncGenerator<Map<string, StreamEntry[]>> {
  const drain = async function* (): AsyncGenerator<Map<string, StreamEntry[]>> {
    while (!options.signal?.aborted) {
      const found = await connection.call((redis) => readStreams(redis, after, false))
      if (found.size === 0) return
      yield found
    }
  }
  yield* drain()
  if (!options.follow || options.signal?.aborted) return
  // What is over may have grown between the reading and the asking, so it is read once more.
  if (await options.idle()) return yield* drain()
  const redis = connection.blocking()
  const end = (): void => redis.disconnect()
  const ended = AbortSignal.any(options.signal === undefined ? [connection.closed] : [connection.closed, options.signal])
  ended.addEventListener('abort', end, { once: true })
  try {
    while (!ended.aborted) {
      const found = await readStreams(redis, after, true).catch(() => undefined)
      if (ended.aborted) return
      // A read that failed is one of an outage: it must not end those who follow, nor spin.
      if (found === undefined) await sleep(200)
      else if (found.size > 0) yield found
      else if (await options.idle().catch(() => false)) return yield* drain()
    }
  } finally {
    ended.removeEventListener('abort', end)
    end()
  }
}
