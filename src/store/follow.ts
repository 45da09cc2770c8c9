import { blockMs, type Client, type Connection } from './connection.ts'
import { untilThrough } from './persist.ts'
import { blockingReads } from './reading.ts'

/** An entry of a stream: its id and its fields. */
export interface StreamEntry {
  readonly id: string
  readonly fields: ReadonlyMap<string, string>
}

export type RawEntry = [id: Buffer, fields: Buffer[]]

/** The field `z` holds bytes, one a character; every other is text. */
export const toEntry = ([id, flat]: RawEntry): StreamEntry => {
  const fields = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) {
    const name = String(flat[at])
    fields.set(name, flat[at + 1]?.toString(name === 'z' ? 'latin1' : 'utf8') ?? '')
  }
  return { id: id.toString(), fields }
}

/** How many entries of each stream one read brings at most. */
export const pageSize = 256

/** Entries of each stream after its id, in the order of the streams given; empty when none came in time. */
const readStreams = async (redis: Client, after: ReadonlyMap<string, string>, block: boolean): Promise<Map<string, StreamEntry[]>> => {
  const streams = [...after.keys(), ...after.values()]
  const answer = block
    ? await redis.xreadBuffer('COUNT', pageSize, 'BLOCK', blockMs, 'STREAMS', ...streams)
    : await redis.xreadBuffer('COUNT', pageSize, 'STREAMS', ...streams)
  return new Map(((answer ?? []) as [Buffer, RawEntry[]][]).map(([key, entries]) => [key.toString(), entries.map(toEntry)]))
}

interface FollowOptions {
  readonly follow: boolean
  readonly signal?: AbortSignal
  readonly idle: () => Promise<boolean>
}

/** Waits for entries, until it is told to stop or there is nothing to come. */
async function* wait(
  connection: Connection,
  after: ReadonlyMap<string, string>,
  ended: AbortSignal,
  idle: () => Promise<boolean>,
): AsyncGenerator<Map<string, StreamEntry[]>> {
  const read = async (redis: Client) => [await readStreams(redis, after, true)].filter(({ size }) => size > 0)
  for await (const found of blockingReads(connection, ended, read, idle)) yield* found
}

/**
 * Reads streams of one slot, and goes on as they grow.
 * @param after the id in each stream to begin after; the caller moves it on
 * @param options.follow whether to wait for more, outages included; else it ends when there is nothing more
 * @param options.idle asked when nothing came for a while: true ends it
 * @returns what came, at least one entry a time
 * @throws TelpherError redis_timeout, redis_unreachable when it does not follow
 */
export async function* followStreams(
  connection: Connection,
  after: ReadonlyMap<string, string>,
  { follow, signal, idle }: FollowOptions,
): AsyncGenerator<Map<string, StreamEntry[]>> {
  const ended = AbortSignal.any(signal === undefined ? [connection.closed] : [connection.closed, signal])
  const ask = <T>(work: () => Promise<T>): Promise<T> => (follow ? untilThrough(work, { signal: ended, forMs: Infinity }) : work())
  const drain = async function* (): AsyncGenerator<Map<string, StreamEntry[]>> {
    while (!ended.aborted) {
      const found = await ask(() => connection.call((redis) => readStreams(redis, after, false)))
      if (found.size === 0) return
      yield found
    }
  }
  try {
    yield* drain()
    if (!follow || ended.aborted) return
    if (!(await ask(idle))) yield* wait(connection, after, ended, idle)
    // What is over may have grown between the last read and the asking.
    yield* drain()
  } catch (error) {
    // Who stops to follow during an outage has what it wanted.
    if (!ended.aborted) throw error
  }
}
