import type { AttemptRef, Job } from '../model/deployment.ts'
import { toTelpherError } from '../model/errors.ts'
import { isRevocable } from '../model/target.ts'
import { urgentPool } from '../queue/index.ts'
import type { LoopOptions } from './types.ts'

/** Times of fencing, in ms. */
export interface FencingLimits {
  /** Without an outcome a worker is asked once more: the one that took it may have died too. */
  readonly fenceAgainMs: number
  /** Without an outcome after this, although a worker lives, the attempt counts as one that cannot be fenced. */
  readonly fencePatienceMs: number
}

export const defaultFencingLimits: FencingLimits = { fenceAgainMs: 60_000, fencePatienceMs: 180_000 }

/** Whether a lost attempt can still write, as a clause for people; `undefined` while that is being found out. */
export interface Fenced {
  readonly how: string
}

interface Asked {
  readonly since: number
  readonly copies: number
}

/**
 * Has lost attempts fenced at the API server by workers of their pool, since no server has a way there (DESIGN section 8).
 * An attempt whose mode has no revocation counts as fenced by its claim, which has run out when this is asked.
 */
export const createFencing = (
  { store, queue, log }: Pick<LoopOptions, 'store' | 'queue' | 'log'>,
  limits: FencingLimits,
): {
  /** @param hasWorker whether a worker of the pool lives; without one nothing is fenced, and nothing would start anew */
  ask(job: Job, hasWorker: boolean): Promise<Fenced | undefined>
} => {
  const asked = new Map<string, Asked>()

  const isRevocableAt = async (name: string): Promise<boolean> => {
    try {
      return isRevocable((await store.targets.get(name)).account.mode)
    } catch (thrown) {
      if (toTelpherError(thrown).code === 'unknown_target') return false
      throw thrown
    }
  }

  return {
    async ask(job, hasWorker) {
      const attempt: AttemptRef = { deploymentId: job.deploymentId, jobId: job.jobId, attempt: job.attempt }
      const name = `${job.jobId}:${job.attempt}`
      const outcome = await store.grants.outcome(attempt)
      if (outcome !== undefined) {
        asked.delete(name)
        return { how: outcome.refused ? ', its credential is revoked' : `, its credential could not be revoked (${outcome.because})` }
      }
      const now = performance.now()
      const known = asked.get(name)
      if (known === undefined && !(await isRevocableAt(job.target))) return { how: '' }
      const { since, copies } = known ?? { since: now, copies: -1 }
      if (!hasWorker) {
        // The time in which nobody could do it does not count.
        asked.set(name, { since: now, copies })
        if (copies >= 0) return undefined
      }
      if (hasWorker && now - since >= limits.fencePatienceMs) {
        asked.delete(name)
        return { how: ', its credential could not be revoked (no worker said that it is)' }
      }
      const due = Math.floor((now - since) / limits.fenceAgainMs)
      if (due > copies) {
        await queue.enqueue(urgentPool(job.pool), { kind: 'fence', target: job.target, ...attempt }, due)
        asked.set(name, { since, copies: due })
        if (due === 0) log({ level: 'warn', msg: 'a lost attempt is to be fenced', ...attempt, target: job.target })
      }
      return undefined
    },
  }
}
