import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterResponse } from '../model/ports.ts'
import { changesDiscovery, type DiscoveryCache, isDiscovery, type KeptAnswer } from './discovery.ts'
import { answered, forwarded } from './headers.ts'
import { type LedgerBook, writeVerb } from './ledger.ts'
import type { RequestInfo } from './path.ts'
import { send } from './upstream.ts'

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
  /** Waits until the claim is proven, each time anew. */
  readonly connection: () => Promise<ClusterConnection>
  readonly credentialId: () => string
  readonly book: LedgerBook
  readonly discovery: DiscoveryCache
  readonly mark: string
}

/** An answer to a write is one object; longer ones are passed on without being looked into. */
const longestAnswer = 8 * 1024 * 1024

const sendOnce = async (asked: Exchange, tools: ExchangeTools, headers: OutgoingHttpHeaders): Promise<ClusterResponse> => {
  const { method = 'GET' } = asked.request
  if (asked.body === undefined) return (await tools.connection()).request({ method, path: asked.url, headers, body: asked.request, signal: asked.signal })
  const length = asked.body.length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH' ? { 'content-length': asked.body.length } : {}
  return send(tools.connection, { method, path: asked.url, headers: { ...headers, ...length }, body: asked.body, signal: asked.signal })
}

/** Answers of 3xx would send the client, and its next request, past the gate. */
const noRedirect = (answer: ClusterResponse): ClusterResponse => {
  if (answer.status < 300 || answer.status >= 400 || answer.status === 304) return answer
  answer.body.resume()
  throw new TelpherError('target_error', `the API server answered with a redirect (${answer.status}), which is not followed`)
}

const pass = async (answer: ClusterResponse, { response, signal }: Exchange): Promise<void> => {
  response.writeHead(answer.status, answered(answer.headers))
  response.flushHeaders()
  await pipeline(answer.body, response, { signal })
}

const give = (kept: KeptAnswer, { request, response }: Exchange): void => {
  if (kept.etag !== undefined && request.headers['if-none-match'] === kept.etag) {
    response.writeHead(304, { etag: kept.etag }).end()
    return
  }
  response.writeHead(kept.status, { ...kept.headers, 'content-length': kept.body.length }).end(request.method === 'HEAD' ? undefined : kept.body)
}

/** A document of discovery: from the cache while fresh, else validated by its ETag. */
const giveDiscovery = async (asked: Exchange, tools: ExchangeTools): Promise<void> => {
  const { headers } = asked.request
  const key = `${asked.url} ${headers.accept ?? ''} ${headers['accept-encoding'] ?? ''}`
  const known = tools.discovery.get(key)
  if (known?.fresh === true) return give(known.answer, asked)
  const validator = known?.answer.etag === undefined ? {} : { 'if-none-match': known.answer.etag }
  const { 'if-none-match': _, ...plain } = forwarded(headers, tools.mark)
  const answer = noRedirect(await sendOnce(asked, tools, { ...plain, ...validator }))
  if (answer.status === 304 && known !== undefined) {
    answer.body.resume()
    tools.discovery.confirm(key)
    return give(known.answer, asked)
  }
  if (answer.status !== 200) return pass(answer, asked)
  const { etag } = answer.headers
  const kept: KeptAnswer = { status: 200, headers: answered(answer.headers), body: await buffer(answer.body), ...(etag === undefined ? {} : { etag }) }
  tools.discovery.put(key, kept)
  give(kept, asked)
}

const parsed = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const auditIdOf = (answer: ClusterResponse): { auditId: string } | Record<string, never> => {
  const id = answer.headers['audit-id']
  return typeof id === 'string' ? { auditId: id } : {}
}

/** A write: its answer goes on only after its ledger entry is stored. */
const giveWrite = async (asked: Exchange, tools: ExchangeTools, verb: NonNullable<ReturnType<typeof writeVerb>>): Promise<void> => {
  const dryRun = new URLSearchParams(asked.url.split('?')[1]).get('dryRun') !== null
  const entry = tools.book.open(asked.info, verb, dryRun, tools.credentialId())
  const { accept: _, 'accept-encoding': __, ...headers } = forwarded(asked.request.headers, tools.mark)
  try {
    // JSON and plain, so that uid and generation can be read; every client of Kubernetes reads JSON.
    const answer = noRedirect(await sendOnce(asked, tools, { ...headers, accept: 'application/json' }))
    if (Number(answer.headers['content-length'] ?? 0) > longestAnswer) {
      await entry.close({ code: answer.status, ...auditIdOf(answer) })
      return pass(answer, asked)
    }
    const body = await buffer(answer.body)
    if (changesDiscovery(asked.info.group, asked.info.resource)) tools.discovery.clear()
    await entry.close({ code: answer.status, ...auditIdOf(answer), body: parsed(body) })
    asked.response.writeHead(answer.status, { ...answered(answer.headers), 'content-length': body.length }).end(body)
  } catch (thrown) {
    await entry.close({ code: 0 })
    throw thrown
  }
}

/** Sends a request that was let through and answers it. @throws TelpherError of the connection or the signal */
export const exchange = async (asked: Exchange, tools: ExchangeTools): Promise<void> => {
  const verb = writeVerb(asked.info)
  if (verb !== undefined) return giveWrite(asked, tools, verb)
  if (asked.request.method === 'GET' && isDiscovery(asked.url.split('?')[0] ?? '', asked.info.isResource)) return giveDiscovery(asked, tools)
  await pass(noRedirect(await sendOnce(asked, tools, forwarded(asked.request.headers, tools.mark))), asked)
}
