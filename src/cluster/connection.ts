import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Agent, type RequestOptions, request } from 'node:https'
import { isIP, type Socket } from 'node:net'
import { type Duplex, Readable } from 'node:stream'
import type { Credential } from '../model/credential.ts'
import { type ErrorCode, TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterRequest, ClusterResponse, ClusterUpgrade } from '../model/ports.ts'
import { addressesOf, type Target } from '../model/target.ts'
import { type AddressCheck, ownMachine } from './addresses.ts'
import { connectionError } from './connection-error.ts'
import { createTurn, type Turn, takingTurns } from './endpoints.ts'

const connectTimeoutMs = 10_000
/** Idle connections are closed before the API server would do it, which avoids a request on a dying one. */
const idleMs = 60_000
const keepAliveMs = 5000
/**
 * How long an answer that has begun may pause, as many times as its beginning may be waited for, and in ms. Streams have no time limit: who reads
 * them looks after them.
 */
const pauses = 3
const longestPauseMs = 30_000

type Trust = Pick<Target, 'server' | 'alternates' | 'ca' | 'tlsServerName'>

/**
 * Another way to a target than a TCP connection of our own. It gives a stream at once, as node:net does, that takes bytes when it stands;
 * TLS goes over it from end to end. What it is destroyed with is the error of its requests.
 */
export type Dial<T extends Trust> = (target: T) => Duplex

/** Host name or address of a target's server, without the brackets of IPv6. */
export const hostOf = (base: URL): string => base.hostname.replace(/^\[|\]$/g, '')

/** Port of a target's server. */
export const portOf = (base: URL): number => (base.port === '' ? 443 : Number(base.port))

/** What makes a server trusted, for node:tls: the target's own authorities, else the system's roots (Node's bundle). */
export const trustOf = (target: Trust): { readonly ca?: string; readonly servername: string; readonly minVersion: 'TLSv1.2' } => {
  const host = hostOf(new URL(target.server))
  return {
    minVersion: 'TLSv1.2',
    // Given always: Node would otherwise take it from the Host header of a request.
    servername: target.tlsServerName ?? (isIP(host) === 0 ? host : ''),
    ...(target.ca === '' ? {} : { ca: target.ca }),
  }
}

const agentOf = <T extends Trust>(
  target: T,
  credential: Credential,
  maxSockets: number,
  { lookup }: AddressCheck,
  dial?: Dial<T>,
): Agent => {
  const agent = new Agent({
    keepAlive: true,
    keepAliveMsecs: keepAliveMs,
    maxSockets,
    maxFreeSockets: 16,
    timeout: 0,
    scheduling: 'lifo',
    lookup,
    ...trustOf(target),
    ...(credential.kind === 'client-certificate' ? { cert: credential.certificate, key: credential.key.reveal() } : {}),
  })
  agent.on('free', (socket) => socket.setTimeout(idleMs))
  if (dial !== undefined) {
    const { createConnection } = agent
    // By the target that asks: another one that shares the sockets may be gone.
    agent.createConnection = (options: RequestOptions & { target?: T }, callback) =>
      createConnection.call(agent, { ...options, socket: dial(options.target ?? target) }, callback)
  }
  // One address and one trust: the name that Node makes of all options, certificates included, takes longer than the rest of its bookkeeping.
  return Object.assign(agent, { getName: () => target.server })
}

const headersOf = (asked: OutgoingHttpHeaders, credential: Credential): OutgoingHttpHeaders =>
  credential.kind === 'bearer' ? { ...asked, authorization: `Bearer ${credential.token.reveal()}` } : asked

/** A stream is read from when the connection stands: until then it can still be sent elsewhere. */
const sendBody = (outgoing: ClientRequest, body: ClusterRequest['body'], standing: Promise<void>): void => {
  if (!(body instanceof Readable)) return void outgoing.end(body)
  body.on('error', (error) => outgoing.destroy(error))
  void standing.then(() => body.pipe(outgoing))
}

/**
 * Ends a connection attempt that takes too long; an idle kept-alive connection is not its concern.
 * @param onStanding called when the connection stands: from then on something may have been sent
 */
const limitConnect = (outgoing: ClientRequest, onStanding: () => void): void => {
  outgoing.once('socket', (socket) => {
    socket.setTimeout(0)
    if (!(socket as Socket & { secureConnecting?: boolean }).secureConnecting) return onStanding()
    socket.setKeepAlive(true, keepAliveMs)
    socket.on('timeout', () => socket.destroy())
    const timer = setTimeout(
      () => socket.destroy(Object.assign(new Error('no connection within 10 s'), { code: 'ETIMEDOUT' })),
      connectTimeoutMs,
    )
    const clear = (): void => clearTimeout(timer)
    socket.once('secureConnect', clear).once('secureConnect', onStanding).once('close', clear)
  })
}

/** By hand: Node's own `signal` of a request also follows its stream, which takes longer than sending it. */
const endWith = (signal: AbortSignal, outgoing: ClientRequest): void => {
  const abort = (): void => {
    outgoing.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  outgoing.once('close', () => signal.removeEventListener('abort', abort))
}

const brokenCodes: readonly ErrorCode[] = ['target_error', 'pipe_cut']

const fellSilent = (error: unknown): boolean => error instanceof TelpherError && error.code === 'target_timeout'

const responseOf = (message: IncomingMessage): ClusterResponse => ({
  status: message.statusCode ?? 0,
  headers: message.headers,
  rawHeaders: message.rawHeaders,
  body: message,
})

/**
 * A pool of kept-alive connections to one target with one credential. It follows no redirect and takes no proxy from
 * the environment; the certificate must chain to the target's own authorities where it names some. A read that meets a
 * kept connection which the server has closed is sent again once, on a new one (as RFC 9110 9.2.2 allows).
 * @param target its address and trust
 * @param credential added to every request; it appears in no error
 * @param addresses which ones it may have
 */
export const connect = (target: Trust, credential: Credential, addresses: AddressCheck = ownMachine): ClusterConnection =>
  overAll(target, (one) => connectOne(one, credential, addresses), createTurn())

const connectOne = <T extends Trust>(target: T, credential: Credential, addresses: AddressCheck, dial?: Dial<T>): ClusterConnection => {
  const agent = agentOf(target, credential, 512, addresses, dial)
  return connectionOver(agent, target, credential, { close: () => agent.destroy(), ...(dial === undefined ? { addresses } : {}) })
}

/** A connection over every address of a target, each verified by the same trust; over the only one where there is one. */
const overAll = <T extends Trust>(target: T, one: (target: T) => ClusterConnection, turn: Turn): ClusterConnection =>
  takingTurns(
    addressesOf(target).map((server) => one({ ...target, server })),
    turn,
  )

/**
 * Connections that share their sockets where that is the same to the server: with a bearer token it is told with each request who asks,
 * so that a token of an attempt's own costs no handshake of its own. A client certificate belongs to its sockets.
 * @param options.dial another way to targets; by a TCP connection of our own when absent
 * @param options.addresses which ones targets may have, where we connect ourselves
 * @param options.wayTo what makes the ways of two targets different, besides address and trust
 * @returns the same as `connect`; what it gives leaves shared sockets open when it is closed, and they close themselves when idle
 */
export const createConnector = <T extends Trust = Trust>({
  dial,
  addresses = ownMachine,
  wayTo = () => '',
}: {
  readonly dial?: Dial<T>
  readonly addresses?: AddressCheck
  readonly wayTo?: (target: T) => string
} = {}): ((target: T, credential: Credential) => ClusterConnection) => {
  const agents = new Map<string, Agent>()
  const turns = new Map<string, Turn>()
  const one = (target: T, credential: Credential): ClusterConnection => {
    if (credential.kind !== 'bearer') return connectOne(target, credential, addresses, dial)
    const name = [target.server, target.tlsServerName ?? '', wayTo(target), target.ca].join('\n')
    const agent = agents.get(name) ?? agentOf(target, credential, 4096, addresses, dial)
    agents.set(name, agent)
    return connectionOver(agent, target, credential, { close: () => {}, ...(dial === undefined ? { addresses } : {}) })
  }
  return (target, credential) => {
    const name = [...addressesOf(target), wayTo(target)].join(' ')
    const turn = turns.get(name) ?? createTurn()
    turns.set(name, turn)
    return overAll(target, (address) => one(address, credential), turn)
  }
}

const connectionOver = (
  agent: Agent,
  target: Trust,
  credential: Credential,
  { close, addresses }: { readonly close: () => void; readonly addresses?: AddressCheck },
): ClusterConnection => {
  const base = new URL(target.server)
  const prefix = base.pathname.replace(/\/$/, '')

  /** When one connection fell silent, those that idle beside it are likely cut as well: nobody should wait for them. */
  const dropIdle = (): void => {
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
  }

  interface Opened {
    readonly outgoing: ClientRequest
    readonly standing: Promise<void>
    readonly answer: Promise<IncomingMessage>
  }
  const open = (asked: ClusterRequest): Opened => {
    const options: RequestOptions & { target: Trust } = {
      target,
      agent,
      protocol: base.protocol,
      host: hostOf(base),
      port: portOf(base),
      method: asked.method,
      path: prefix + asked.path,
      headers: headersOf(asked.headers ?? {}, credential),
    }
    // An address is not looked up.
    addresses?.mustAllow(hostOf(base))
    const outgoing = request(options)
    if (asked.signal !== undefined) endWith(asked.signal, outgoing)
    let sent = false
    const standing = Promise.withResolvers<void>()
    limitConnect(outgoing, () => {
      sent = true
      standing.resolve()
    })
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', (message) => {
        message.once('error', (error) => {
          if (fellSilent(error)) dropIdle()
        })
        if (asked.timeoutMs !== undefined) message.socket.setTimeout(Math.min(longestPauseMs, pauses * asked.timeoutMs))
        resolve(message)
      })
      outgoing.on('error', (error) => {
        if (fellSilent(error)) dropIdle()
        reject(connectionError(error, base, { sent, signal: asked.signal }))
      })
    })
    if (asked.timeoutMs !== undefined) {
      const limit = setTimeout(
        () => outgoing.destroy(new TelpherError('target_timeout', `${base.host} did not answer within ${asked.timeoutMs} ms`)),
        asked.timeoutMs,
      )
      const clear = (): void => clearTimeout(limit)
      outgoing.once('response', clear).once('upgrade', clear).once('close', clear)
    }
    return { outgoing, standing: standing.promise, answer }
  }

  const send = async (asked: ClusterRequest, again: boolean): Promise<ClusterResponse> => {
    const { outgoing, standing, answer } = open(asked)
    sendBody(outgoing, asked.body, standing)
    try {
      return responseOf(await answer)
    } catch (thrown) {
      const read = (asked.method === 'GET' || asked.method === 'HEAD') && asked.body === undefined
      const stale = thrown instanceof TelpherError && brokenCodes.includes(thrown.code) && outgoing.reusedSocket
      if (again && read && stale && asked.signal?.aborted !== true) return send(asked, false)
      throw thrown
    }
  }

  return {
    credentialId: credential.id,
    request: (asked) => send(asked, true),
    upgrade: (asked) =>
      new Promise<ClusterUpgrade>((resolve, reject) => {
        const { outgoing, standing, answer } = open(asked)
        outgoing.once('upgrade', (message, socket, head) => resolve({ ...responseOf(message), socket, head }))
        answer.then((message) => resolve(responseOf(message)), reject)
        sendBody(outgoing, asked.body, standing)
      }),
    close,
  }
}
