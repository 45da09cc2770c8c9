import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { TelpherError } from '../model/errors.ts'
import type { ClusterResponse } from '../model/ports.ts'
import { readAtMost } from './body.ts'
import type { DiscoveryCache } from './discovery.ts'
import { answered } from './headers.ts'
import type { LedgerBook } from './ledger.ts'
import type { RequestInfo } from './path.ts'
import { type Sending, send, type Upstream } from './upstream.ts'

/** One request that was let through, and where its answer goes. */
export interface Exchange {
  readonly info: RequestInfo
  /** Path and query without the nonce. */
  readonly url: string
  /** The whole body, or undefined when it is too large and still to be read from the request. */
  readonly body: Buffer | undefined
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly signal: AbortSignal
}

export interface ExchangeTools {
  readonly upstream: Upstream
  readonly book: LedgerBook
  readonly discovery: DiscoveryCache
  readonly mark: string
}

/** Methods of which the length is said even when it is 0. */
const withBody: readonly string[] = ['POST', 'PUT', 'PATCH']

/** Answers of 3xx would send the client, and its next request, past the gate. */
const noRedirect = (answer: ClusterResponse): ClusterResponse => {
  if (answer.status < 300 || answer.status >= 400 || answer.status === 304) return answer
  answer.body.resume()
  throw new TelpherError('target_error', `the API server answered with a redirect (${answer.status}), which is not followed`)
}

/**
 * Sends the request with these headers.
 * @throws TelpherError of the connection, target_error for a redirect
 */
export const ask = async (
  { request, url, body, signal }: Exchange,
  { upstream }: ExchangeTools,
  headers: OutgoingHttpHeaders,
  told?: Sending,
): Promise<ClusterResponse> => {
  const { method = 'GET' } = request
  const hasLength = body === undefined ? request.headers['content-length'] !== undefined : body.length > 0 || withBody.includes(method)
  const length = hasLength ? { 'content-length': body?.length ?? request.headers['content-length'] } : {}
  return noRedirect(await send(upstream, { method, path: url, headers: { ...headers, ...length }, body: body ?? request, signal }, told))
}

/** By hand: stream.pipeline ends by aborting a controller of its own, which alone takes a tenth of a request's time. */
const flow = (from: Readable, to: ServerResponse): Promise<void> =>
  new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      from.destroy()
      reject(error)
    }
    const cut = (): void => {
      if (!from.readableEnded) fail(from.errored ?? new TelpherError('target_error', 'the answer of the API server broke off'))
    }
    from.once('error', fail).once('close', cut)
    to.once('error', fail)
    to.once('close', () => (to.writableFinished ? resolve() : fail(new TelpherError('gate_closed', 'the client ended its request'))))
    from.pipe(to)
  })

/** Up to here an answer goes on in one piece. */
const onePiece = 16 * 1024

/**
 * Gives a whole answer. A short one leaves as one chunk with its head (http.ServerResponse joins texts only), since each chunk is
 * a frame of its own on the way to the job.
 */
export const reply = (response: ServerResponse, status: number, headers: OutgoingHttpHeaders, body: Buffer): void => {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  if (body.length > onePiece) response.end(body)
  else response.end(body.toString('latin1'), 'latin1')
}

/**
 * Passes an answer on as it comes, with back-pressure.
 * @throws when it breaks on either side; the response is then still to be destroyed
 */
export const pass = async (answer: ClusterResponse, { request, response }: Exchange): Promise<void> => {
  const length = answer.headers['content-length']
  if (length !== undefined && Number(length) <= onePiece && request.method !== 'HEAD') {
    const body = await readAtMost(answer.body, onePiece)
    if (body !== undefined) return reply(response, answer.status, answered(answer.headers), body)
  }
  response.writeHead(answer.status, answered(answer.headers))
  // A watch may say nothing for long; what has a length comes at once, together with its head.
  if (length === undefined) response.flushHeaders()
  await flow(answer.body, response)
}
