import type { Redis } from 'ioredis'
import { TelpherError } from '../model/errors.ts'
import { logOnce } from '../model/log-once.ts'
import { parseRedisAddress, placeOf, type RedisWait } from '../model/redis-address.ts'
import { within } from '../model/within.ts'
import { type Client, clientsOf, mastersOf, nodePlace } from './clients.ts'
import { runScript, type ScriptName } from './scripts.ts'
import { toStoreError } from './trouble.ts'

export { blockMs, type Client } from './clients.ts'

/** Redis as the rest of the store sees it: every call ends within its time, with an error that says what to do. */
export interface Connection {
  /** @throws TelpherError redis_timeout, redis_unreachable, redis_denied, redis_tls, redis_full */
  call<T>(work: (redis: Client) => Promise<T>): Promise<T>
  /** The same work on each master, for what no key says where to ask; each with its host and port. */
  onMasters<T>(work: (redis: Redis, place: string) => Promise<T>): Promise<T[]>
  /** @param useReserve writes although Redis is full; what running deployments need always does (scripts.ts) */
  script(name: ScriptName, keys: readonly string[], args: readonly (string | number | Buffer)[], useReserve?: boolean): Promise<unknown>
  /** The clock of the master that holds a key, ms since the epoch: those of several masters differ. */
  now(key: string): Promise<number>
  /** For the connection that sends it commands on its keys. */
  readonly client: Client
  /** A new connection for blocking reads; whoever asked for it ends it. */
  blocking(): Client
  sent(): number
  /** How often it was made again after it broke. */
  reconnects(): number
  /** Hosts and ports. */
  readonly place: string
  readonly wait: RedisWait
  readonly closed: AbortSignal
  close(): Promise<void>
}

/** A connection that holds other keys too. */
export type Elsewhere = (key: string) => Connection | undefined

/**
 * Opens the connection; it reconnects by itself for as long as it is open.
 * @param options.url the address (model/redis-address.ts)
 * @param options.timeoutMs milliseconds for each call
 * @param options.once for a look: a connection that is refused or cut is not tried again
 * @throws TelpherError invalid_input, redis_file
 */
export const connect = (options: {
  readonly url: string
  readonly timeoutMs: number
  readonly clientName?: string
  readonly once?: boolean
  /** Where a command on a key goes that is not here; not asked for scripts and transactions. */
  readonly elsewhere?: Elsewhere
  readonly log: (line: object) => void
}): Connection => {
  const { url, timeoutMs, elsewhere, log, ...more } = options
  const address = parseRedisAddress(url)
  const place = placeOf(address)
  const clients = clientsOf(address, { timeoutMs, ...more })
  const { client, sent } = clients.counting((key) => elsewhere?.(key)?.client)
  const closing = new AbortController()
  const said = logOnce(log, 'redis connection')
  let trouble: unknown
  client.on('error', (error: unknown) => {
    trouble = error
    said.failed(error)
  })
  let readies = 0
  client.on('ready', () => {
    readies++
    trouble = undefined
    said.well()
  })
  const call = async <T>(work: (redis: Client) => Promise<T>): Promise<T> => {
    if (closing.signal.aborted) throw new TelpherError('redis_unreachable', 'the store is closed')
    try {
      return await within(work(client), timeoutMs)
    } catch (error) {
      throw toStoreError(error, place, trouble)
    }
  }
  const script: Connection['script'] = (name, keys, args, useReserve) => call((redis) => runScript(redis, name, keys, args, useReserve))
  return {
    call,
    script,
    onMasters: (work) =>
      call(async (redis) => Promise.all((await mastersOf(redis)).map((node) => work(node, node === redis ? place : nodePlace(node))))),
    now: async (key) => Number(await script('time', [key], [])),
    blocking: clients.blocking,
    client,
    sent,
    reconnects: () => Math.max(0, readies - 1),
    place,
    wait: address.wait,
    closed: closing.signal,
    close: async () => {
      closing.abort()
      // A quit that waits for a connection is answered at once and changes nothing: only disconnecting ends the reconnecting.
      await within(client.quit(), 1000).catch(() => {})
      client.disconnect()
    },
  }
}
