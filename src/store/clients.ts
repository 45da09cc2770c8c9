import { readFileSync } from 'node:fs'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { openRedisAddress, type RedisAddress, type RedisLogin, type RedisWay } from '../model/redis-address.ts'

/** To one server, or to all masters of a cluster: commands go by their keys to where these lie. */
export type Client = Redis | Cluster

/** Where a command on a key goes that is held by another client. */
export type Detour = (key: string) => Client | undefined

type Options = Omit<RedisOptions, 'replyMapping'>

/** What is common to the clients of one process. */
export interface ClientOptions {
  readonly timeoutMs: number
  readonly clientName?: string
  /** A connection that is refused or cut is not tried again. */
  readonly once?: boolean
}

const retryStrategy = (times: number): number => Math.min(times * 100, 1000)

/** After a failover the old master answers READONLY; a starting one LOADING: another connection may find better. */
const reconnectOnError = (error: Error): 2 | false => (/^(READONLY|LOADING)/.test(error.message) ? 2 : false)

/** How long a blocking read waits before it asks again, in ms: also the longest a missed end goes unseen. */
export const blockMs = 2000

/** A client that counts what it sends, and sends elsewhere what lies elsewhere. */
export interface Counting {
  readonly client: Client
  sent(): number
}

const countingOf = (client: Client, detour: Detour | undefined): Counting => {
  let sent = 0
  const send = client.sendCommand.bind(client) as Cluster['sendCommand']
  client.sendCommand = (...args: Parameters<Cluster['sendCommand']>): unknown => {
    const [command, pipeline] = args
    const [key] = pipeline === undefined ? command.getKeys() : []
    const other = key === undefined ? undefined : detour?.(String(key))
    if (other !== undefined) {
      // Its answer comes to the command itself; what is wrong with the other connection too.
      other.sendCommand(command)
      return command.promise
    }
    sent++
    return send(...args)
  }
  return { client, sent: () => sent }
}

const create = (way: RedisWay, login: RedisLogin, options: Options, once: boolean): Client => {
  const { tls, ...plain } = login
  const withTls = tls === undefined ? {} : { tls }
  if (way.kind !== 'cluster') {
    const { kind: _, ...place } = way
    const sentinel =
      way.kind === 'sentinel'
        ? {
            // A Sentinel that hangs is passed over.
            sentinelCommandTimeout: 1500,
            ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
            ...(once ? { sentinelRetryStrategy: () => null } : {}),
          }
        : {}
    return new Redis({ ...plain, ...withTls, ...options, ...place, ...sentinel })
  }
  const { retryStrategy: clusterRetryStrategy, ...redisOptions } = options
  return new Cluster(way.nodes, {
    clusterRetryStrategy: clusterRetryStrategy ?? retryStrategy,
    // Names stay names: certificates bear them.
    dnsLookup: (host, callback) => callback(null, host),
    slotsRefreshTimeout: options.connectTimeout ?? 1000,
    ...(once ? { maxRedirections: 1, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 } : {}),
    redisOptions: { ...plain, ...withTls, ...redisOptions },
  })
}

/**
 * What waits for a cluster that is being looked for is refused when the client is told to end: ioredis 6 stops looking then, and leaves it
 * unanswered for ever (cluster/index.js, disconnect). Its status does not tell: each connection that ends late sets it to `close` again.
 */
const endsWhole = (cluster: Cluster): void => {
  const disconnect = cluster.disconnect.bind(cluster)
  cluster.disconnect = (reconnect) => {
    const isLooking = cluster.status !== 'end' && cluster.nodes().length === 0
    disconnect(reconnect)
    if (isLooking && reconnect !== true) (cluster as unknown as { handleCloseEvent(): void }).handleCloseEvent()
  }
}

/**
 * Makes clients for an address; its files are read for each, so that a new one has a changed password.
 * @throws TelpherError redis_file
 */
export const clientsOf = (
  address: RedisAddress,
  { timeoutMs, clientName, once = false }: ClientOptions,
): { counting(detour?: Detour): Counting; blocking(): Client } => {
  const make = (more: Options): Client => {
    const { way, login } = openRedisAddress(address, (file) => readFileSync(file, 'utf8'))
    const base: Options = {
      retryStrategy,
      reconnectOnError,
      connectTimeout: timeoutMs,
      ...(clientName === undefined ? {} : { connectionName: clientName }),
    }
    const client = create(way, login, { ...base, ...more }, once)
    if (client instanceof Cluster) endsWhole(client)
    return client
  }
  return {
    // Commands wait for a connection no longer than a call may take; a half-open socket is noticed by its silence.
    counting: (detour) =>
      countingOf(
        make({
          maxRetriesPerRequest: 6,
          socketTimeout: timeoutMs + 3000,
          ...(once ? { retryStrategy: () => null, maxRetriesPerRequest: 0, disconnectTimeout: 100 } : {}),
        }),
        detour,
      ),
    blocking: () => {
      const client = make({ maxRetriesPerRequest: null, socketTimeout: blockMs + timeoutMs })
      client.on('error', () => {})
      return client
    },
  }
}

/** Every master: of one server itself. A cluster knows its masters once it is ready, which a command waits for. */
export const mastersOf = async (client: Client): Promise<Redis[]> => {
  if (!(client instanceof Cluster)) return [client]
  if (client.status !== 'ready') await client.ping()
  return client.nodes('master')
}

/** Host and port of one node of a cluster. */
export const nodePlace = ({ options: { host = '', port = 6379 } }: Redis): string => `${host.includes(':') ? `[${host}]` : host}:${port}`
