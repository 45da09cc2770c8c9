import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ClusterUpgrade } from '../model/ports.ts'
import type { ExchangeTools } from './exchange.ts'
import { forwarded } from './headers.ts'
import { writeVerb } from './ledger.ts'
import type { RequestInfo } from './path.ts'

/** A request that asks to switch protocols: exec, attach, port-forward, over WebSocket or SPDY. */
export interface UpgradeAsked {
  readonly info: RequestInfo
  readonly url: string
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly signal: AbortSignal
}

const lines = (rawHeaders: readonly string[]): string => {
  let text = ''
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`
  return text
}

const refuse = async (socket: Duplex, answer: ClusterUpgrade): Promise<void> => {
  const body = await buffer(answer.body)
  const kept = Object.entries(answer.headers).filter(([name]) => name === 'content-type' || name === 'audit-id')
  const headers = kept.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${answer.status} Refused\r\n${headers}content-length: ${body.length}\r\nconnection: close\r\n\r\n`), body]))
}

/** Two streams as one, both ways with half-close; the end of one in error is the end of both. */
const join = (left: Duplex, right: Duplex, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      left.destroy()
      right.destroy()
      signal.removeEventListener('abort', end)
      resolve()
    }
    left.pipe(right)
    right.pipe(left)
    for (const side of [left, right]) side.on('error', end).once('close', end)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })

/**
 * Carries an upgraded connection between the job and the API server.
 * @throws TelpherError of the connection, before anything was answered
 */
export const tunnel = async (
  asked: UpgradeAsked,
  tools: Pick<ExchangeTools, 'connection' | 'credentialId' | 'book' | 'mark'>,
): Promise<void> => {
  const { request, socket, signal } = asked
  socket.on('error', () => {})
  const verb = writeVerb(asked.info)
  const entry = verb === undefined ? undefined : tools.book.open(asked.info, verb, false, tools.credentialId())
  let code = 0
  try {
    const headers = { ...forwarded(request.headers, tools.mark), connection: 'Upgrade', upgrade: request.headers.upgrade }
    const answer = await (await tools.connection()).upgrade({ method: request.method ?? 'GET', path: asked.url, headers, signal })
    code = answer.status
    if (answer.socket === undefined) return await refuse(socket, answer)
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines(answer.rawHeaders)}\r\n`)
    if (answer.head !== undefined && answer.head.length > 0) socket.write(answer.head)
    if (asked.head.length > 0) answer.socket.write(asked.head)
    await join(socket, answer.socket, signal)
  } finally {
    await entry?.close({ code })
  }
}
