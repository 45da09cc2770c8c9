import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ClusterUpgrade } from '../model/ports.ts'
import { readAtMost } from './body.ts'
import type { ExchangeTools } from './exchange.ts'
import { forwarded } from './headers.ts'
import { join } from './join.ts'
import { writeVerb } from './ledger.ts'
import type { RequestInfo } from './path.ts'
import { type Refusal, statusOf } from './status.ts'
import { sendUpgrade } from './upstream.ts'
import { headFacts } from './writes.ts'

/** A request that asks to switch protocols: exec, attach, port-forward, over WebSocket or SPDY. */
export interface UpgradeAsked {
  readonly info: RequestInfo
  readonly url: string
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly signal: AbortSignal
  /** Told the status of the answer. */
  readonly onAnswer?: ((status: number) => void) | undefined
}

/** The protocols of kube-apiserver; anything else (h2c) would be a way past the gate through a proxy in front of it. */
const protocols = /^(?:websocket|spdy\/3\.1)$/i
const longestRefusal = 64 * 1024

/** Whether a request's wish to switch protocols counts; else it is served as if it had none (RFC 9110 section 7.8). */
export const asksTunnel = ({ headers, method }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'POST') && protocols.test(headers.upgrade ?? '')

const unsafe = /^(?:set-cookie|content-length|transfer-encoding|keep-alive)$/i

const lines = (rawHeaders: readonly string[]): string => {
  let text = ''
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    if (!unsafe.test(rawHeaders[at] ?? '')) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`
  return text
}

const answer = (socket: Duplex, status: number, headers: string, body: Buffer | string): void => {
  socket.write(`HTTP/1.1 ${status} Refused\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`)
  socket.end(body)
}

/** Refuses to switch protocols, before anything was answered. */
export const refuseTunnel = (socket: Duplex, refusal: Refusal): void =>
  answer(socket, refusal.http, 'content-type: application/json\r\n', statusOf(refusal))

/** The API server's own refusal goes on as it is. */
const passRefusal = async (socket: Duplex, refused: ClusterUpgrade): Promise<void> => {
  const body = (await readAtMost(refused.body, longestRefusal)) ?? Buffer.alloc(0)
  refused.body.resume()
  const kept = Object.entries(refused.headers).filter(([name]) => name === 'content-type' || name === 'audit-id')
  answer(socket, refused.status, kept.map(([name, value]) => `${name}: ${String(value)}\r\n`).join(''), body)
}

/**
 * Carries an upgraded connection between the job and the API server.
 * @returns whether anything was answered; when false, `thrown` says why not
 */
export const tunnel = async (asked: UpgradeAsked, tools: Pick<ExchangeTools, 'upstream' | 'book' | 'mark'>): Promise<void> => {
  const { request, socket, signal } = asked
  const verb = writeVerb(asked.info)
  const entry = verb === undefined ? undefined : tools.book.open(asked.info, verb, false)
  try {
    const headers = { ...forwarded(request.headers, tools.mark), connection: 'Upgrade', upgrade: request.headers.upgrade }
    const said = await sendUpgrade(tools.upstream, { method: request.method ?? 'GET', path: asked.url, headers, signal }, entry)
    asked.onAnswer?.(said.status)
    try {
      if (said.socket === undefined) return await passRefusal(socket, said)
      said.socket.on('error', () => {})
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines(said.rawHeaders)}\r\n`)
      if (said.head !== undefined && said.head.length > 0) socket.write(said.head)
      if (asked.head.length > 0) said.socket.write(asked.head)
      await join(socket, said.socket, signal)
    } finally {
      await entry?.close(headFacts(said))
    }
  } catch (thrown) {
    await entry?.close({ code: 0 })
    throw thrown
  }
}
