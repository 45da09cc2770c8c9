import type { ClusterConnection } from '../model/ports.ts'

/**
 * Gets a new credential once for all requests that the old one was refused to.
 * @param connection the connection as it is now
 * @param renew gets another credential, which `connection` then shows
 */
export const createRenewal = (
  connection: () => ClusterConnection,
  renew: () => Promise<void>,
): ((credentialId: string) => Promise<void>) => {
  let running: Promise<void> | undefined
  return async (credentialId) => {
    if (connection().credentialId !== credentialId) return
    running ??= renew().finally(() => {
      running = undefined
    })
    await running
  }
}

/** A renewal that failed is tried again after this, in ms; half of a token's life is left then. */
const againMs = 15_000

/** A credential that lives for days is looked at anyway: kubelets replace tokens early, and timers of node end at 24 days. */
const longestMs = 1_800_000

/**
 * Gets another credential at half of the life of each, and after half an hour, until the signal. By the monotonic clock: times of day may jump.
 * @param expiresAt of the credential that is used now, ms since the epoch; undefined when it does not expire
 * @param renew gets another one and gives its expiry
 * @param onFailure told of each renewal that failed; the next one is tried soon after
 */
export const keepFresh = (options: {
  readonly expiresAt: number | undefined
  readonly renew: () => Promise<number | undefined>
  readonly onFailure: (error: Error) => void
  readonly signal: AbortSignal
}): void => {
  const { renew, onFailure, signal } = options
  let timer: NodeJS.Timeout | undefined
  const after = (ms: number): void => {
    if (!signal.aborted) timer = setTimeout(turn, ms)
  }
  const wait = (expiresAt: number | undefined): void => {
    if (expiresAt !== undefined) after(Math.min(longestMs, Math.max(1000, (expiresAt - Date.now()) / 2)))
  }
  const turn = (): void => {
    renew().then(wait, (error: Error) => {
      onFailure(error)
      after(againMs)
    })
  }
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
  wait(options.expiresAt)
}
