import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TelpherError } from '../model/errors.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { ClusterConnection, Ledger } from '../model/ports.ts'
import type { Policy } from '../model/target.ts'
import { createBodyStore } from './body.ts'
import type { Claim } from './claim.ts'
import { type DiscoveryCache, isDiscovery } from './discovery.ts'
import { giveDocument } from './documents.ts'
import { ask, type Exchange, type ExchangeTools, pass } from './exchange.ts'
import { lookInto } from './facts.ts'
import { forwarded } from './headers.ts'
import { createLedgerBook, writeVerb } from './ledger.ts'
import { parseRequest, type RequestInfo } from './path.ts'
import { decide, needsBody } from './policy.ts'
import { strictFields } from './query.ts'
import { createRenewal } from './renewal.ts'
import { giveSecrets, isOfSecrets, readsSecrets } from './secrets.ts'
import { answerStatus, type Refusal, refusalOf } from './status.ts'
import { asksTunnel, refuseTunnel, tunnel } from './tunnel.ts'
import { createUnderWay } from './underway.ts'
import { giveWrite } from './writes.ts'

export interface GateOptions {
  /** The first path segment that every request must have. */
  readonly nonce: string
  readonly policy: Policy
  /** The namespace of Telpher's own accounts in the target: no job gets there, whatever its policy. */
  readonly home?: string | undefined
  readonly claim: Claim
  /** The connection to the target as it is now: renewed credentials show here. */
  readonly connection: () => ClusterConnection
  /**
   * Asked when the API server refused the credential (401): gets another one, which `connection` then gives.
   * @throws TelpherError when there is none; the job is told
   */
  readonly renew?: () => Promise<void>
  readonly ledger: Ledger
  readonly attempt: number
  /** Marks this attempt's requests in the API server's audit log. */
  readonly mark: string
  /** Shared by the attempts of one target and credential. */
  readonly discovery: DiscoveryCache
  /** Has fields that a kind does not have refused, whatever the client asks for. */
  readonly strictFields?: boolean
  /** Told the status of each answer of the API server that went to the job. */
  readonly onAnswer?: (status: number) => void
  /** Told each refusal of the gate's own. */
  readonly onRefusal?: (refusal: Refusal) => void
  /** Told the values of each Secret that the job writes or reads, before they go on. */
  readonly onSecretValues?: (values: readonly string[]) => void
  /** Aborted when the step's time is over: what waits then is refused. */
  readonly signal: AbortSignal
}

/** The worker's end of one attempt's API traffic. */
export interface Gate {
  /** Serves a connection of the job; there is no listening socket. */
  accept(connection: Duplex): void
  /** Ends everything that is open at once and takes nothing more. */
  shut(reason: 'closed' | 'superseded'): void
  /** How many writes are at the API server without a stored answer. */
  openWrites(): number
  entries(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** What the job was refused by the gate itself, in order; the last hundred. */
  refusals(): readonly Refusal[]
  /** Resolves when no write is open and the ledger is in the store. @throws what the store threw */
  settled(): Promise<void>
}

const mostRefusals = 100
/** A command for exec travels in the query; kube-apiserver itself takes 1 MiB (net/http DefaultMaxHeaderBytes). */
const longestHead = 256 * 1024

/** Compares in constant time, so that the nonce cannot be found byte by byte. */
const sameText = (given: string, expected: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const shutRefusal = (reason: 'closed' | 'superseded'): Refusal =>
  reason === 'superseded'
    ? { code: 'gate_superseded', http: 403, message: 'another attempt took over this job' }
    : { code: 'gate_closed', http: 403, message: 'the step has ended' }

/**
 * The gate of one attempt. Each request goes: nonce, claim, parse, policy, credential, send.
 * A refusal is a Kubernetes Status, so that kubectl and helm print why.
 */
export const createGate = (options: GateOptions): Gate => {
  const { claim, policy, home } = options
  const book = createLedgerBook(options.ledger, options.attempt)
  const bodies = createBodyStore()
  const connections = new Set<Duplex>()
  const shutting = new AbortController()
  const signal = AbortSignal.any([shutting.signal, options.signal])
  const underWay = createUnderWay(signal)
  const tools: ExchangeTools = {
    upstream: {
      async connection() {
        await claim.whenProven(signal)
        return options.connection()
      },
      renew: options.renew === undefined ? undefined : createRenewal(options.connection, options.renew),
    },
    book,
    discovery: options.discovery,
    mark: options.mark,
  }
  const refusals: Refusal[] = []
  const noted = (refusal: Refusal): void => {
    refusals.push(refusal)
    if (refusals.length > mostRefusals) refusals.shift()
    options.onRefusal?.(refusal)
  }
  let shutReason: 'closed' | 'superseded' | undefined

  /** Everything before the body: who asks, whether we still may, and what it is. */
  const admit = async (request: IncomingMessage, asking: AbortSignal): Promise<{ info: RequestInfo; url: string } | Refusal> => {
    if (shutReason !== undefined) return shutRefusal(shutReason)
    const [, nonce = '', ...rest] = (request.url ?? '').split('/')
    if (!sameText(nonce, options.nonce))
      return { code: 'gate_nonce', http: 401, message: 'the connection of this step was asked for without its secret' }
    const url = `/${rest.join('/')}`
    await claim.whenProven(asking)
    const parsed = parseRequest(request.method ?? '', url)
    if (!parsed.ok) return { code: 'gate_path', http: 400, message: `${request.method} ${url.split('?')[0]} is refused: ${parsed.reason}` }
    return { info: parsed.info, url }
  }

  const answer = (asked: Exchange): Promise<void> => {
    const { info, request } = asked
    const verb = writeVerb(info)
    if (verb !== undefined) return giveWrite(asked, tools, verb)
    if (request.method === 'GET' && isDiscovery(info.path, info.isResource)) return giveDocument(asked, tools)
    if (options.onSecretValues !== undefined && readsSecrets(info)) return giveSecrets(asked, tools, options.onSecretValues)
    return ask(asked, tools, forwarded(request.headers, tools.mark)).then((answered) => pass(answered, asked))
  }

  /** @returns the refusal, when there is one */
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<Refusal | undefined> => {
    const asking = underWay(response)
    const admitted = await admit(request, asking)
    if ('http' in admitted) return admitted
    const { info } = admitted
    const url = options.strictFields === true ? strictFields(admitted.url) : admitted.url
    const looked = needsBody(info)
    const early = looked ? undefined : decide(policy, info, undefined, home)
    if (early !== undefined) return early
    const held = await bodies.read(request, looked, asking)
    try {
      const { facts, body } = looked ? lookInto(request.headers['content-type'] ?? '', held.body) : { facts: undefined, body: held.body }
      const late = looked ? decide(policy, info, facts, home) : undefined
      if (late !== undefined) return late
      if (isOfSecrets(info) && facts?.secretValues !== undefined) options.onSecretValues?.(facts.secretValues)
      await answer({ info, url, body, request, response, signal: asking })
      return undefined
    } finally {
      held.release()
    }
  }

  const serveTunnel = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<Refusal | undefined> => {
    const asking = underWay(socket)
    const admitted = await admit(request, asking)
    if ('http' in admitted) return admitted
    const refusal = decide(policy, admitted.info, undefined, home)
    if (refusal !== undefined) return refusal
    if (admitted.info.verb !== 'get' && admitted.info.verb !== 'watch' && writeVerb(admitted.info) !== 'connect')
      return { code: 'gate_path', http: 400, message: `${request.method} ${admitted.info.path} is refused: it has no stream to switch to` }
    await tunnel({ ...admitted, request, socket, head, signal: asking, onAnswer: options.onAnswer }, tools)
    return undefined
  }

  /** What stopped a request, unless its client has gone away: then nobody was refused anything. */
  const stopped = (thrown: unknown): Refusal => (shutReason === undefined ? refusalOf(thrown) : shutRefusal(shutReason))

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, maxHeaderSize: longestHead, shouldUpgradeCallback: asksTunnel })
  server.on('request', async (request, response) => {
    const refusal = await serve(request, response).catch(stopped)
    if (refusal === undefined) options.onAnswer?.(response.statusCode)
    else if (answerStatus(response, refusal)) noted(refusal)
  })
  server.on('upgrade', async (request, socket, head) => {
    // From here on nobody else listens for its errors.
    socket.on('error', () => {})
    const refusal = await serveTunnel(request, socket, head).catch(stopped)
    if (refusal === undefined || socket.destroyed || socket.writableEnded) return
    refuseTunnel(socket, refusal)
    noted(refusal)
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
    refusals: () => refusals,
    settled: book.settled,
  }
}
