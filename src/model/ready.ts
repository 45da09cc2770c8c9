import { setTimeout as pause } from 'node:timers/promises'
import { type ErrorCode, TelpherError } from './errors.ts'
import type { ClusterConnection } from './ports.ts'

const firstPauseMs = 100
const longestPauseMs = 2000
const probeMs = 3000
/** Who may not ask for it is told so for ever; an API server that has not read its roles yet, for a moment. */
const refusedMs = 3000

const awayCodes: readonly ErrorCode[] = [
  'target_unreachable',
  'target_dns',
  'target_error',
  'target_timeout',
  'pipe_no_worker',
  'pipe_unsent',
  'pipe_cut',
]

const away = (thrown: unknown): boolean => thrown instanceof TelpherError && awayCodes.includes(thrown.code)

/**
 * Waits until an API server that was away is there and ready. One that answers and is not ready yet refuses what it would allow a second
 * later, /readyz among it, since its authorizer knows no roles (seen on kube-apiserver 1.34 after kill -9).
 * @throws the signal's reason; what the connection throws, but for being away
 */
export const becomesReady = async (connection: ClusterConnection, signal: AbortSignal): Promise<void> => {
  let refusedSince: number | undefined
  for (let wait = firstPauseMs; ; wait = Math.min(wait * 2, longestPauseMs)) {
    await pause(wait, undefined, { signal }).catch(() => signal.throwIfAborted())
    try {
      const answer = await connection.request({ method: 'GET', path: '/readyz', timeoutMs: probeMs, signal })
      answer.body.resume()
      const isRefused = answer.status === 401 || answer.status === 403
      if (answer.status < 500 && !isRefused) return
      if (isRefused) refusedSince ??= performance.now()
      if (refusedSince !== undefined && performance.now() - refusedSince > refusedMs) return
    } catch (thrown) {
      if (!away(thrown)) throw thrown
    }
  }
}
