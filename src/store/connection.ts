import { Redis, type RedisOptions } from 'ioredis'
import { TelpherError } from '../model/errors.ts'
import { logOnce } from '../model/log-once.ts'
import { runScript, type ScriptName } from './scripts.ts'

/** Redis as the rest of the store sees it: every call ends within its time, with an error that says what to do. */
export interface Connection {
  /** @throws TelpherError redis_timeout, redis_unreachable, redis_full */
  call<T>(work: (redis: Redis) => Promise<T>): Promise<T>
  /** @param useReserve writes although Redis is full; what running deployments need always does (scripts.ts) */
  script(name: ScriptName, keys: readonly string[], args: readonly (string | number | Buffer)[], useReserve?: boolean): Promise<unknown>
  /** For the connection that sends it commands on its keys. */
  readonly client: Redis
  /** A new connection for blocking reads; whoever asked for it ends it. */
  blocking(): Redis
  sent(): number
  /** How often it was made again after it broke. */
  reconnects(): number
  /** Host and port. */
  readonly place: string
  readonly closed: AbortSignal
  close(): Promise<void>
}

/** How long a blocking read waits before it asks again, in ms: also the longest a missed end goes unseen. */
export const blockMs = 2000

const retryStrategy = (times: number): number => Math.min(times * 100, 1000)

/** After a failover the old master answers READONLY; a starting one LOADING: another connection may find better. */
const reconnectOnError = (error: Error): 2 | false => (/^(READONLY|LOADING)/.test(error.message) ? 2 : false)

/** Host and port only: an address may carry a password. */
const placeOf = (url: string): string => {
  try {
    return new URL(url).host
  } catch {
    return 'its address'
  }
}

const unreachable =
  /^(READONLY|LOADING|CLUSTERDOWN|MASTERDOWN|NOAUTH|WRONGPASS|NOPERM)|closed|ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|max retries per request/i

/** A transaction that was given up says why only in the errors of its commands. */
const messageOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown)
  const [previous] = 'previousErrors' in thrown && Array.isArray(thrown.previousErrors) ? (thrown.previousErrors as unknown[]) : []
  return previous instanceof Error ? previous.message : thrown.message
}

/** What ioredis or Redis said, as an error that a person can act on. */
const toStoreError = (thrown: unknown, url: string): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  const message = messageOf(thrown)
  const place = placeOf(url)
  if (/^(OOM|MISCONF)/.test(message))
    return new TelpherError('redis_full', `Redis at ${place} refuses to write: ${message}`, { cause: thrown })
  if (/timed out/i.test(message)) return new TelpherError('redis_timeout', `Redis at ${place} did not answer in time`, { cause: thrown })
  if (unreachable.test(message))
    return new TelpherError('redis_unreachable', `Redis at ${place} cannot be used: ${message}`, { cause: thrown })
  return new TelpherError('internal', `Redis at ${place} refused a command: ${message}`, { cause: thrown })
}

/** A connection that holds other keys too. */
export type Elsewhere = (key: string) => Connection | undefined

class CountingRedis extends Redis {
  sentCommands = 0
  readonly elsewhere: Elsewhere

  constructor(url: string, options: Omit<RedisOptions, 'replyMapping'>, elsewhere: Elsewhere) {
    super(url, options)
    this.elsewhere = elsewhere
  }

  override sendCommand(...args: Parameters<Redis['sendCommand']>): unknown {
    const [command, pipeline] = args
    const [key] = pipeline === undefined ? command.getKeys() : []
    const other = key === undefined ? undefined : this.elsewhere?.(String(key))
    if (other !== undefined) {
      // Its answer comes to the command itself; what is wrong with the other connection too.
      other.client.sendCommand(command)
      return command.promise
    }
    this.sentCommands++
    return super.sendCommand(...args)
  }
}

const within = async <T>(work: Promise<T>, ms: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('timed out')), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Opens the connection; it reconnects by itself for as long as it is open.
 * @param options.timeoutMs milliseconds for each call
 * @param options.once for a look: a connection that is refused or cut is not tried again
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
  const { url, timeoutMs, log } = options
  const base: Omit<RedisOptions, 'replyMapping'> = {
    retryStrategy,
    reconnectOnError,
    connectTimeout: timeoutMs,
    ...(options.clientName === undefined ? {} : { connectionName: options.clientName }),
  }
  // Commands wait for a connection no longer than a call may take; a half-open socket is noticed by its silence.
  const redis = new CountingRedis(
    url,
    {
      ...base,
      maxRetriesPerRequest: 6,
      socketTimeout: timeoutMs + 3000,
      ...(options.once === true ? { retryStrategy: () => null, maxRetriesPerRequest: 0, disconnectTimeout: 100 } : {}),
    },
    options.elsewhere ?? (() => undefined),
  )
  const closing = new AbortController()
  const said = logOnce(log, 'redis connection')
  redis.on('error', said.failed)
  redis.on('ready', said.well)
  let readies = 0
  redis.on('ready', () => readies++)
  const call = async <T>(work: (redis: Redis) => Promise<T>): Promise<T> => {
    if (closing.signal.aborted) throw new TelpherError('redis_unreachable', 'the store is closed')
    try {
      return await within(work(redis), timeoutMs)
    } catch (error) {
      throw toStoreError(error, url)
    }
  }
  return {
    call,
    script: (name, keys, args, useReserve) => call((client) => runScript(client, name, keys, args, useReserve)),
    blocking: () => {
      const client = new Redis(url, { ...base, maxRetriesPerRequest: null, socketTimeout: blockMs + timeoutMs })
      client.on('error', () => {})
      return client
    },
    client: redis,
    sent: () => redis.sentCommands,
    reconnects: () => Math.max(0, readies - 1),
    place: placeOf(url),
    closed: closing.signal,
    close: async () => {
      closing.abort()
      // A quit that waits for a connection is answered at once and changes nothing: only disconnecting ends the reconnecting.
      await within(redis.quit(), 1000).catch(() => {})
      redis.disconnect()
    },
  }
}
