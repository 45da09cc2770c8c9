import type { OutgoingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterRequest, ClusterResponse, ClusterUpgrade } from '../model/ports.ts'
import { becomesReady } from '../model/ready.ts'

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  /** Bytes can be sent again, a stream cannot. */
  readonly body: Buffer | Readable
  readonly signal: AbortSignal
}

/** The way to the API server: the connection as it is now, once the claim is proven. */
export interface Upstream {
  connection(): Promise<ClusterConnection>
  /** Gets another credential than this one, where that is possible. */
  readonly renew?: ((credentialId: string) => Promise<void>) | undefined
}

/** Told before a request is sent, and again when nothing of it can have been. */
export interface Sending {
  sending(credentialId: string): void
  notSent(): void
}

/** We ourselves broke off the handshake, since the server's certificate would not do (nodejs.org: X509 certificate error codes). */
const untrusted = (thrown: unknown): boolean =>
  thrown instanceof TelpherError &&
  (thrown.code === 'target_tls' || thrown.code === 'target_certificate_expired') &&
  /^(?:UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT)/.test(
    thrown.cause instanceof Error && 'code' in thrown.cause ? String(thrown.cause.code) : '',
  )

/** Nothing of the request can have been sent: that is what these codes of the connection mean. */
const neverSent = (thrown: unknown): boolean =>
  thrown instanceof TelpherError && (thrown.code === 'target_unreachable' || thrown.code === 'target_dns')

/** A connection that broke under the request: whether it had an effect is not known. */
const broken = (thrown: unknown): boolean => thrown instanceof TelpherError && thrown.code === 'target_error'

/**
 * Sending it twice does the same as once: reads, which have nobody to tell, and server-side apply (Kubernetes docs: apply is
 * idempotent). A GET may well start a command: exec over a WebSocket is one.
 */
const repeatable = ({ method, headers }: Outgoing, told: Sending | undefined): boolean =>
  told === undefined || (method === 'PATCH' && String(headers['content-type'] ?? '').startsWith('application/apply-patch'))

const insist = async <Answer extends ClusterResponse>(
  upstream: Upstream,
  outgoing: Outgoing,
  told: Sending | undefined,
  once: (connection: ClusterConnection) => Promise<Answer>,
): Promise<Answer> => {
  const again = Buffer.isBuffer(outgoing.body)
  let renewed = false
  for (;;) {
    const current = await upstream.connection()
    outgoing.signal.throwIfAborted()
    told?.sending(current.credentialId)
    try {
      const answer = await once(current)
      if (answer.status !== 401 || !again || renewed || upstream.renew === undefined) return answer
      // A 401 is said before anything is done, so that every request may be sent again.
      answer.body.resume()
      told?.notSent()
      renewed = true
      await upstream.renew(current.credentialId)
    } catch (thrown) {
      if (neverSent(thrown) || untrusted(thrown)) told?.notSent()
      const safe = neverSent(thrown) || (broken(thrown) && repeatable(outgoing, told))
      if (outgoing.signal.aborted || !again || !safe) throw thrown
      await becomesReady(current, outgoing.signal)
    }
  }
}

/** No body rather than an empty one: that would be a second write to the socket. */
const asRequest = ({ body, ...rest }: Outgoing): ClusterRequest => (Buffer.isBuffer(body) && body.length === 0 ? rest : { ...rest, body })

/**
 * Sends a request, and again after an outage or a 401 when that is safe: a restart of the API server is a pause, not a failure.
 * @throws TelpherError of the connection when it is not safe, or the signal's reason when the time is over
 */
export const send = (upstream: Upstream, outgoing: Outgoing, told?: Sending): Promise<ClusterResponse> =>
  insist(upstream, outgoing, told, (connection) => connection.request(asRequest(outgoing)))

/** The same for a request that asks to switch protocols. */
export const sendUpgrade = (upstream: Upstream, outgoing: Omit<Outgoing, 'body'>, told?: Sending): Promise<ClusterUpgrade> =>
  insist(upstream, { ...outgoing, body: Buffer.alloc(0) }, told, (connection) => connection.upgrade(outgoing))
