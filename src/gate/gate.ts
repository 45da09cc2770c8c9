import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { ClusterConnection, Ledger } from '../model/ports.ts'
import type { Policy } from '../model/target.ts'
import { factsOf, readBody } from './body.ts'
import type { Claim } from './claim.ts'
import type { DiscoveryCache } from './discovery.ts'
import { type Exchange, type ExchangeTools, exchange } from './exchange.ts'
import { createLedgerBook } from './ledger.ts'
import { parseRequest, type RequestInfo } from './path.ts'
import { decide, needsBody } from './policy.ts'
import { answerStatus, type Refusal, statusOf } from './status.ts'
import { tunnel } from './tunnel.ts'

export interface GateOptions {
  /** The first path segment that every request must have. */
  readonly nonce: string
  readonly policy: Policy
  readonly claim: Claim
  /** The connection to the target as it is now: renewed credentials show here. */
  readonly connection: () => ClusterConnection
  readonly ledger: Ledger
  readonly attempt: number
  /** Marks this attempt's requests in the API server's audit log. */
  readonly mark: string
  /** Shared by the attempts of one target and credential. */
  readonly discovery: DiscoveryCache
  /** Aborted when the step's time is over: what waits then is refused. */
  readonly signal: AbortSignal
}

/** The worker's end of one attempt's API traffic. */
export interface Gate {
  /** Serves a connection of the job; there is no listening socket. */
  accept(connection: Duplex): void
  /** Ends everything that is open at once and takes nothing more. */
  shut(reason: 'closed' | 'superseded'): void
  openWrites(): number
  entries(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  settled(): Promise<void>
}

const refusalOf = (thrown: unknown): Refusal => {
  const error = toTelpherError(thrown)
  const http = error.code === 'gate_superseded' || error.code === 'gate_closed' ? 403 : error.code === 'target_timeout' ? 504 : 503
  return { code: error.code, http: error.code === 'internal' ? 502 : http, message: error.message }
}

/** Compares in constant time, so that the nonce cannot be found byte by byte. */
const sameText = (given: string, expected: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * The gate of one attempt. Each request goes: nonce, claim, parse, policy, credential, send.
 * A refusal is a Kubernetes Status, so that kubectl and helm print why.
 */
export const createGate = (options: GateOptions): Gate => {
  const { claim, policy } = options
  const book = createLedgerBook(options.ledger, options.attempt)
  const connections = new Set<Duplex>()
  const shutting = new AbortController()
  const signal = AbortSignal.any([shutting.signal, options.signal])
  const tools: ExchangeTools = {
    async connection() {
      await claim.whenProven(signal)
      return options.connection()
    },
    credentialId: () => options.connection().credentialId,
    book,
    discovery: options.discovery,
    mark: options.mark,
  }
  let shutReason: 'closed' | 'superseded' | undefined

  /** Everything before the body: who asks, whether we still may, and what it is. */
  const admit = async (request: IncomingMessage): Promise<{ info: RequestInfo; url: string } | Refusal> => {
    if (shutReason !== undefined) return shutRefusal(shutReason)
    const [, nonce = '', ...rest] = (request.url ?? '').split('/')
    if (!sameText(nonce, options.nonce)) return { code: 'gate_nonce', http: 401, message: 'the connection of this step was asked for without its secret' }
    const url = `/${rest.join('/')}`
    await claim.whenProven(signal)
    const parsed = parseRequest(request.method ?? '', url)
    if (!parsed.ok) return { code: 'gate_path', http: 400, message: `${request.method} ${url.split('?')[0]} is refused: ${parsed.reason}` }
    return { info: parsed.info, url }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const admitted = await admit(request)
    if ('http' in admitted) return answerStatus(response, admitted)
    const { info, url } = admitted
    const early = needsBody(info) ? undefined : decide(policy, info)
    if (early !== undefined) return answerStatus(response, early)
    const body = await readBody(request)
    if (needsBody(info)) {
      const refusal = decide(policy, info, factsOf(request.headers['content-type'] ?? '', body))
      if (refusal !== undefined) return answerStatus(response, refusal)
    }
    const asked: Exchange = { info, url, body, request, response, signal: AbortSignal.any([signal, goneSignal(response)]) }
    await exchange(asked, tools)
  }

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 60_000, connectionsCheckingInterval: 60_000 })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((thrown: unknown) => answerStatus(response, shutReason === undefined ? refusalOf(thrown) : shutRefusal(shutReason)))
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const upgrade = async (): Promise<void> => {
      const admitted = await admit(request)
      const refusal = 'http' in admitted ? admitted : decide(policy, admitted.info)
      if (refusal !== undefined || 'http' in admitted) return refuseUpgrade(socket, refusal ?? refusalOf(new TelpherError('internal', 'refused')))
      await tunnel({ ...admitted, request, socket, head, signal }, tools)
    }
    upgrade().catch((thrown: unknown) => refuseUpgrade(socket, refusalOf(thrown)))
  })

  const shut = (reason: 'closed' | 'superseded'): void => {
    if (shutReason !== undefined) return
    shutReason = reason
    shutting.abort(new TelpherError(reason === 'superseded' ? 'gate_superseded' : 'gate_closed', shutRefusal(reason).message))
    for (const connection of connections) connection.destroy()
    connections.clear()
    server.close()
  }
  claim.onSuperseded(() => shut('superseded'))

  return {
    accept(connection) {
      if (shutReason !== undefined) {
        connection.destroy()
        return
      }
      connections.add(connection)
      connection.once('close', () => connections.delete(connection))
      server.emit('connection', connection)
    },
    shut,
    openWrites: book.openWrites,
    entries: book.entries,
    onWrite: book.onWrite,
    settled: book.settled,
  }
}

const shutRefusal = (reason: 'closed' | 'superseded'): Refusal =>
  reason === 'superseded'
    ? { code: 'gate_superseded', http: 403, message: 'another attempt took over this job' }
    : { code: 'gate_closed', http: 403, message: 'the step has ended' }

/** Aborted when the client has gone away before its answer was complete. */
const goneSignal = (response: ServerResponse): AbortSignal => {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new TelpherError('gate_closed', 'the client ended its request'))
  })
  return gone.signal
}

const refuseUpgrade = (socket: Duplex, refusal: Refusal): void => {
  const body = statusOf(refusal)
  socket.on('error', () => {})
  socket.end(
    `HTTP/1.1 ${refusal.http} Refused\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
