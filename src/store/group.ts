import type { Client } from './connection.ts'
import type { RawEntry } from './follow.ts'

interface GroupOptions {
  readonly stream: string
  /** What a server took and has not answered for so long, in ms, another one takes. */
  readonly abandonedMs: number
  /** Entries that are taken in one go, at most. */
  readonly atOnce: number
  /** How long a read waits for what is new, in ms. */
  readonly blockMs: number
}

/** The group's name. */
export const servers = 'servers'

/** Makes it, with the stream, unless another server has. @param from id after which it reads; `$` for the end */
export const makeGroup = async (redis: Client, stream: string, from: string): Promise<void> => {
  await redis.xgroup('CREATE', stream, servers, from, 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })
}

/** A stream that all servers read as one group (redis.io/docs/latest/develop/data-types/streams, consumer groups). */
export const serversGroup = ({ stream, abandonedMs, atOnce, blockMs }: GroupOptions) => {
  /** The group is not there at the first start, and after a Redis that lost its data. */
  const orMade = async (redis: Client, read: () => Promise<RawEntry[]>): Promise<RawEntry[]> => {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOGROUP'))) throw error
      await makeGroup(redis, stream, '0')
      return []
    }
  }
  return {
    abandoned: (redis: Client, server: string): Promise<RawEntry[]> =>
      orMade(redis, async () => {
        const [, entries] = (await redis.callBuffer('XAUTOCLAIM', stream, servers, server, abandonedMs, '0', 'COUNT', atOnce)) as [
          Buffer,
          (RawEntry | null)[],
        ]
        // Redis 6.2 gives nothing for one that was trimmed meanwhile (redis.io/docs/latest/commands/xautoclaim).
        return entries.filter((entry) => entry !== null)
      }),
    fresh: (redis: Client, server: string): Promise<RawEntry[]> =>
      orMade(redis, async () => {
        const answer = (await redis.xreadgroupBuffer(
          'GROUP',
          servers,
          server,
          'COUNT',
          atOnce,
          'BLOCK',
          blockMs,
          'STREAMS',
          stream,
          '>',
        )) as [Buffer, RawEntry[]][] | null
        return (answer ?? []).flatMap(([, entries]) => entries)
      }),
  }
}
