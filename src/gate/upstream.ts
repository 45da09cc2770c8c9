import type { OutgoingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterResponse } from '../model/ports.ts'

export interface Outgoing {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
  readonly signal: AbortSignal
}

const firstPauseMs = 100
const longestPauseMs = 2000
const probeMs = 3000

/** Nothing of the request can have been sent: it never found a server. */
const neverSent = (thrown: unknown): boolean => thrown instanceof TelpherError && (thrown.code === 'target_unreachable' || thrown.code === 'target_dns')

/** A connection that broke under the request: whether it had an effect is not known. */
const broken = (thrown: unknown): boolean => thrown instanceof TelpherError && thrown.code === 'target_error'

/** Sending it twice does the same as once: reads, and server-side apply (Kubernetes docs: apply is idempotent). */
const repeatable = ({ method, headers }: Outgoing): boolean =>
  method === 'GET' || method === 'HEAD' || (method === 'PATCH' && String(headers['content-type'] ?? '').startsWith('application/apply-patch'))

/** An API server that answers but is not ready yet may refuse what it would allow a second later (roles not loaded). */
const becomesReady = async (connection: ClusterConnection, signal: AbortSignal): Promise<void> => {
  for (let wait = firstPauseMs; ; wait = Math.min(wait * 2, longestPauseMs)) {
    await pause(wait, undefined, { signal })
    try {
      const answer = await connection.request({ method: 'GET', path: '/readyz', timeoutMs: probeMs, signal })
      answer.body.resume()
      if (answer.status < 500) return
    } catch (thrown) {
      if (!neverSent(thrown) && !broken(thrown) && !(thrown instanceof TelpherError && thrown.code === 'target_timeout')) throw thrown
    }
  }
}

/**
 * Sends a request, and again after an outage when that is safe: a restart of the API server is a pause, not a failure.
 * @throws TelpherError of the connection when it is not safe, or the signal's reason when the time is over
 */
export const send = async (connection: () => Promise<ClusterConnection>, outgoing: Outgoing): Promise<ClusterResponse> => {
  for (;;) {
    const current = await connection()
    try {
      return await current.request(outgoing)
    } catch (thrown) {
      if (outgoing.signal.aborted || !(neverSent(thrown) || (broken(thrown) && repeatable(outgoing)))) throw thrown
      await becomesReady(current, outgoing.signal)
    }
  }
}
