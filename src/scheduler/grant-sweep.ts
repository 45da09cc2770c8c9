import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptRef } from '../model/deployment.ts'
import { toTelpherError } from '../model/errors.ts'
import type { Minting } from '../model/ports.ts'
import { isTerminal } from '../model/states.ts'
import { isRevocable } from '../model/target.ts'
import type { Store } from '../store/types.ts'

export interface GrantSweepOptions {
  readonly store: Pick<Store, 'targets' | 'grants' | 'jobs'>
  readonly sweep: Minting['sweep']
  readonly log: (line: object) => void
  /** Between two sweeps of a target, in ms; a minute when absent. */
  readonly everyMs?: number
}

const sweepMs = 60_000

/** An attempt is over when its job ended, or waits to be started anew, or was. */
export const isAttemptOver = async (store: Pick<Store, 'jobs'>, attempt: AttemptRef): Promise<boolean | 'unknown'> => {
  try {
    const job = await store.jobs.get(attempt)
    return isTerminal(job.status) || job.status === 'admitted' || job.status === 'pending' || job.attempt !== attempt.attempt
  } catch (thrown) {
    if (toTelpherError(thrown).code === 'unknown_deployment') return 'unknown'
    throw thrown
  }
}

/**
 * Revokes what ended attempts left at targets; of all servers one looks at a target in a minute.
 * What cannot be swept now is swept the next time.
 */
export const sweepGrants = async ({ store, sweep, log, everyMs = sweepMs }: GrantSweepOptions): Promise<void> => {
  for (const target of await store.targets.list()) {
    if (!isRevocable(target.account.mode)) continue
    // A little less than the time between two sweeps, so that a server that is alone finds its own turn over.
    if (!(await store.grants.sweepTurn(target.name, everyMs * 0.9))) continue
    await sweep(target, (attempt) => isAttemptOver(store, attempt))
      .then((swept) => {
        if (swept > 0) log({ level: 'warn', msg: 'credentials of ended attempts were revoked', target: target.name, swept })
      })
      .catch((error: unknown) =>
        log({ level: 'warn', msg: 'credentials are not swept', target: target.name, error: toTelpherError(error).message }),
      )
  }
}

/**
 * Starts the loop that sweeps all targets.
 * @returns settles when the loop has ended after the signal; a sweep that goes on then is left to itself
 */
export const startGrantSweep = ({
  signal,
  ...options
}: GrantSweepOptions & { readonly signal: AbortSignal }): { readonly stopped: Promise<void> } => {
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(options.everyMs ?? sweepMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const swept = sweepGrants(options).catch((error: unknown) =>
        options.log({ level: 'warn', msg: 'credentials are not swept', error: toTelpherError(error).message }),
      )
      // Targets that do not answer can make a sweep longer than the time between two; a server that closes does not wait for them.
      await Promise.race([swept, new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))])
    }
  }
  return { stopped: run() }
}
