import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { Agent, request } from 'node:https'
import { Readable } from 'node:stream'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterRequest, ClusterResponse, ClusterUpgrade } from '../model/ports.ts'
import type { Target } from '../model/target.ts'
import { connectionError } from './connection-error.ts'

const connectTimeoutMs = 10_000
/** Idle connections are closed before the API server would do it, which avoids a request on a dying one. */
const idleMs = 60_000

type Trust = Pick<Target, 'server' | 'ca' | 'tlsServerName'>

const agentOf = (target: Trust, credential: Credential): Agent =>
  new Agent({
    keepAlive: true,
    keepAliveMsecs: 5000,
    maxSockets: 512,
    maxFreeSockets: 16,
    timeout: 0,
    scheduling: 'lifo',
    minVersion: 'TLSv1.2',
    ...(target.ca === '' ? {} : { ca: target.ca }),
    ...(target.tlsServerName === undefined ? {} : { servername: target.tlsServerName }),
    ...(credential.kind === 'client-certificate' ? { cert: credential.certificate, key: credential.key.reveal() } : {}),
  })

const headersOf = (asked: OutgoingHttpHeaders, credential: Credential): OutgoingHttpHeaders =>
  credential.kind === 'bearer' ? { ...asked, authorization: `Bearer ${credential.token.reveal()}` } : asked

const sendBody = (outgoing: ClientRequest, body: ClusterRequest['body']): void => {
  if (body instanceof Readable) body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing)
  else outgoing.end(body)
}

/** Ends a connection attempt that takes too long; an idle kept-alive connection is not its concern. */
const limitConnect = (outgoing: ClientRequest): void => {
  outgoing.once('socket', (socket) => {
    socket.setTimeout(0)
    if (!socket.connecting) return
    socket.setKeepAlive(true, 5000)
    socket.on('timeout', () => socket.destroy())
    const timer = setTimeout(() => socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' })), connectTimeoutMs)
    const clear = (): void => clearTimeout(timer)
    socket.once('secureConnect', clear).once('close', clear)
  })
}

/**
 * A pool of kept-alive connections to one target with one credential. It follows no redirect and takes no proxy from
 * the environment; the certificate must chain to the target's own authorities where it names some.
 * @param target its address and trust
 * @param credential added to every request; it appears in no error
 */
export const connect = (target: Trust, credential: Credential): ClusterConnection => {
  const base = new URL(target.server)
  const prefix = base.pathname.replace(/\/$/, '')
  const agent = agentOf(target, credential)
  agent.on('free', (socket) => socket.setTimeout(idleMs))

  const open = (asked: ClusterRequest, onAnswer: (outgoing: ClientRequest, answer: Promise<IncomingMessage>) => void): void => {
    const outgoing = request({
      agent,
      protocol: base.protocol,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port === '' ? 443 : base.port,
      method: asked.method,
      path: prefix + asked.path,
      headers: headersOf(asked.headers ?? {}, credential),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    })
    limitConnect(outgoing)
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve)
      outgoing.once('error', (error) => reject(connectionError(error, base, asked.signal)))
    })
    if (asked.timeoutMs !== undefined) {
      const limit = setTimeout(
        () => outgoing.destroy(new TelpherError('target_timeout', `${base.host} did not answer within ${asked.timeoutMs} ms`)),
        asked.timeoutMs,
      )
      const clear = (): void => clearTimeout(limit)
      outgoing.once('response', clear).once('upgrade', clear).once('close', clear)
    }
    onAnswer(outgoing, answer)
    sendBody(outgoing, asked.body)
  }

  const responseOf = (message: IncomingMessage): ClusterResponse => ({
    status: message.statusCode ?? 0,
    headers: message.headers,
    rawHeaders: message.rawHeaders,
    body: message,
  })

  return {
    credentialId: credential.id,
    request: (asked) =>
      new Promise((resolve, reject) => {
        open(asked, (_, answer) => {
          answer.then((message) => resolve(responseOf(message)), reject)
        })
      }),
    upgrade: (asked) =>
      new Promise<ClusterUpgrade>((resolve, reject) => {
        open(asked, (outgoing, answer) => {
          outgoing.once('upgrade', (message, socket, head) => resolve({ ...responseOf(message), socket, head }))
          answer.then((message) => resolve(responseOf(message)), reject)
        })
      }),
    close: () => agent.destroy(),
  }
}
