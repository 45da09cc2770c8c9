import { setTimeout as pause } from 'node:timers/promises'
import { mustBeKubernetes, readAnswer } from '../model/answer.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'

const patienceMs = 20_000
const timeoutMs = 10_000

/**
 * Asks the API server for its version before anything is started, so that a target that cannot be reached, trusted
 * or logged in to is said at once and in its own words. An API server that restarts is waited for.
 * @param server the target's address, for errors
 * @returns the server's version, such as `v1.34.4`, or undefined when it may not be asked
 * @throws TelpherError target_dns, target_unreachable, target_tls, target_certificate_expired, target_timeout, target_unauthorized,
 *   target_not_kubernetes when a web page or anything else answers there
 */
export const reach = async (connection: ClusterConnection, server: string, signal: AbortSignal): Promise<string | undefined> => {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      const answer = await connection.request({ method: 'GET', path: '/version', timeoutMs, signal })
      const body = await readAnswer(answer.body)
      mustBeKubernetes(server, answer, body)
      if (answer.status === 401) throw new TelpherError('target_unauthorized', 'the API server refused the credential (401)')
      return answer.status === 200 ? (body as { gitVersion?: string }).gitVersion : undefined
    } catch (thrown) {
      const waiting = thrown instanceof TelpherError && thrown.code === 'target_unreachable' && performance.now() < end && !signal.aborted
      if (!waiting) throw thrown
      await pause(500)
    }
  }
}
