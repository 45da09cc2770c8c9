import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'

const patienceMs = 20_000
const timeoutMs = 10_000

/**
 * Asks the API server for its version before anything is started, so that a target that cannot be reached, trusted
 * or logged in to is said at once and in its own words. An API server that restarts is waited for.
 * @returns the server's version, such as `v1.34.4`, or undefined when it may not be asked
 * @throws TelpherError target_dns, target_unreachable, target_tls, target_certificate_expired, target_timeout, target_unauthorized
 */
export const reach = async (connection: ClusterConnection, signal: AbortSignal): Promise<string | undefined> => {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      const answer = await connection.request({ method: 'GET', path: '/version', timeoutMs, signal })
      if (answer.status !== 200) answer.body.resume()
      if (answer.status === 401) throw new TelpherError('target_unauthorized', 'the API server refused the credential (401)')
      if (answer.status !== 200) return undefined
      const version = (await json(answer.body)) as { gitVersion?: string }
      return version.gitVersion
    } catch (thrown) {
      const waiting = thrown instanceof TelpherError && thrown.code === 'target_unreachable' && performance.now() < end && !signal.aborted
      if (!waiting) throw thrown
      await pause(500)
    }
  }
}
