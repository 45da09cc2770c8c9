import { setTimeout as sleep } from 'node:timers/promises'
import { logOnce } from '../model/log-once.ts'
import type { Store } from '../store/index.ts'

export interface RetentionTimes {
  /** ms between two looks for deployments to be removed. */
  readonly deploymentsMs: number
  /** ms between two looks for packages that nobody needs. */
  readonly packagesMs: number
  /** ms between two looks at the memory. */
  readonly memoryMs: number
}

const defaultTimes: RetentionTimes = { deploymentsMs: 60_000, packagesMs: 600_000, memoryMs: 5000 }

/**
 * Starts the loops that remove what is no longer kept. Several servers may run them; an outage only delays them.
 * @returns what settles when they have ended after the signal
 */
export const startRetention = (options: {
  readonly store: Pick<Store, 'sweep'>
  /** Removes records of who did what that are no longer kept. */
  readonly trimAudit?: () => Promise<number>
  readonly log: (line: object) => void
  readonly signal: AbortSignal
  readonly times?: Partial<RetentionTimes>
}): { readonly stopped: Promise<void> } => {
  const { store, log, signal, trimAudit } = options
  const times = { ...defaultTimes, ...options.times }
  const every = async (ms: number, what: string, work: () => Promise<number>): Promise<void> => {
    const said = logOnce(log, `${what} could not be removed`)
    while (!signal.aborted) {
      try {
        const count = await work()
        if (count > 0) log({ level: 'info', msg: `${what} removed`, count })
        said.well()
      } catch (error) {
        said.failed(error)
      }
      await sleep(ms, undefined, { signal }).catch(() => {})
    }
  }
  const loops = [
    every(times.deploymentsMs, 'deployments', () => store.sweep.deployments()),
    every(times.packagesMs, 'packages', () => store.sweep.packages()),
    ...(trimAudit === undefined ? [] : [every(times.deploymentsMs, 'records of who did what', trimAudit)]),
    every(times.memoryMs, 'logs', () => store.sweep.logs()),
  ]
  return { stopped: Promise.all(loops).then(() => {}) }
}
