import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { TelpherError } from '../model/errors.ts'
import type { ClusterResponse } from '../model/ports.ts'
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

/** Passes an answer on as it comes, with back-pressure. */
export const pass = async (answer: ClusterResponse, { response, signal }: Exchange): Promise<void> => {
  response.writeHead(answer.status, answered(answer.headers))
  response.flushHeaders()
  await pipeline(answer.body, response, { signal })
}
