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

/** A stream that all servers read as one group (redis.io/docs/latest/develop/data-types/streams, consumer groups). */
export const serversGroup = ({ stream, abandonedMs, atOnce, blockMs }: GroupOptions) => ({
  ensure: (redis: Client): Promise<unknown> =>
    redis.xgroup('CREATE', stream, servers, '0', 'MKSTREAM').catch((error: Error) => {
      if (!error.message.startsWith('BUSYGROUP')) throw error
    }),
  abandoned: async (redis: Client, server: string): Promise<RawEntry[]> => {
    const [, entries] = (await redis.callBuffer('XAUTOCLAIM', stream, servers, server, abandonedMs, '0', 'COUNT', atOnce)) as [
      Buffer,
      (RawEntry | null)[],
    ]
    // Redis 6.2 gives nothing for one that was trimmed meanwhile (redis.io/docs/latest/commands/xautoclaim).
    return entries.filter((entry) => entry !== null)
  },
  fresh: async (redis: Client, server: string): Promise<RawEntry[]> => {
    const answer = (await redis.xreadgroupBuffer('GROUP', servers, server, 'COUNT', atOnce, 'BLOCK', blockMs, 'STREAMS', stream, '>')) as
      | [Buffer, RawEntry[]][]
      | null
    return (answer ?? []).flatMap(([, entries]) => entries)
  },
})
