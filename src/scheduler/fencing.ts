import type { AttemptRef, Job } from '../model/deployment.ts'
import { toTelpherError } from '../model/errors.ts'
import type { Minting } from '../model/ports.ts'
import { isRevocable, type Target } from '../model/target.ts'
import type { FenceOutcome } from '../store/types.ts'
import type { LoopOptions } from './types.ts'

/** Times of fencing, in ms. */
export interface FencingLimits {
  /** A server that fences is not heard for this long: it died, and another one does it. */
  readonly fenceTurnMs: number
  /** A server that fences has this long; without an outcome then another one does it, although the first lives. */
  readonly fenceAgainMs: number
  /** Without an outcome after this, although a worker lives or the job is only to end, the attempt counts as one that cannot be fenced. */
  readonly fencePatienceMs: number
}

export const defaultFencingLimits: FencingLimits = { fenceTurnMs: 6000, fenceAgainMs: 60_000, fencePatienceMs: 180_000 }

/** Whether a lost attempt can still write, as a clause for people; `undefined` while that is being found out. */
export interface Fenced {
  readonly how: string
}

export interface FencingOptions extends Pick<LoopOptions, 'store' | 'log' | 'signal'> {
  /** Ends what an attempt was given, and resolves when the API server refuses it. */
  readonly fence: Minting['fence']
  readonly onFenced?: ((outcome: FenceOutcome) => void) | undefined
}

/**
 * Has lost attempts fenced at the API server, each by one server (DESIGN section 8). An attempt whose mode has no revocation counts as
 * fenced by its claim, which has run out when this is asked.
 */
export const createFencing = (
  { store, log, signal, fence, onFenced }: FencingOptions,
  limits: FencingLimits,
): {
  /**
   * @param hasWorker whether a worker of the pool lives; without one nothing is fenced, and nothing would start anew
   * @param isToEnd whether no other attempt is to follow, so that nobody need wait for a worker
   */
  ask(job: Job, hasWorker: boolean, isToEnd: boolean): Promise<Fenced | undefined>
} => {
  const since = new Map<string, number>()
  const running = new Map<string, Promise<void>>()

  const targetOf = async (name: string): Promise<Target | undefined> => {
    try {
      return await store.targets.get(name)
    } catch (thrown) {
      if (toTelpherError(thrown).code === 'unknown_target') return undefined
      throw thrown
    }
  }
  const run = async (target: Target, attempt: AttemptRef): Promise<void> => {
    log({ level: 'warn', msg: 'a lost attempt is to be fenced', ...attempt, target: target.name })
    const outcome = await fence(target, attempt).then(
      (): FenceOutcome => ({ refused: true }),
      (thrown: unknown): FenceOutcome => ({ refused: false, because: toTelpherError(thrown).message }),
    )
    log({ level: 'warn', msg: 'a lost attempt was fenced', ...attempt, target: target.name, ...outcome })
    await store.grants.fenced(attempt, outcome)
    onFenced?.(outcome)
  }
  const turnMs = Math.min(limits.fenceTurnMs, limits.fenceAgainMs)
  /** Keeps the turn while this server lives. @returns ends that */
  const holdTurn = (attempt: AttemptRef): (() => void) => {
    const end = performance.now() + limits.fenceAgainMs - turnMs
    const timer = setInterval(() => {
      if (signal.aborted || performance.now() > end) clearInterval(timer)
      else store.grants.holdFenceTurn(attempt, turnMs).catch(() => {})
    }, turnMs / 3)
    return () => clearInterval(timer)
  }
  /** Begins, unless this server or another one does it now. */
  const begin = async (name: string, target: Target, attempt: AttemptRef): Promise<void> => {
    if (running.has(name) || !(await store.grants.fenceTurn(attempt, turnMs))) return
    const release = holdTurn(attempt)
    const work = run(target, attempt)
      .catch((error: unknown) => log({ level: 'warn', msg: 'what came of a fence is not noted', error: toTelpherError(error).message }))
      .finally(() => {
        release()
        running.delete(name)
      })
    running.set(name, work)
  }

  return {
    async ask(job, hasWorker, isToEnd) {
      const attempt: AttemptRef = { deploymentId: job.deploymentId, jobId: job.jobId, attempt: job.attempt }
      const name = `${job.jobId}:${job.attempt}`
      const outcome = await store.grants.outcome(attempt)
      if (outcome !== undefined) {
        since.delete(name)
        return { how: outcome.refused ? ', its credential is revoked' : `, its credential could not be revoked (${outcome.because})` }
      }
      const target = await targetOf(job.target)
      if (target === undefined || !isRevocable(target.account.mode)) return { how: '' }
      const now = performance.now()
      const begun = since.get(name) ?? now
      // The time in which nobody could do it does not count.
      since.set(name, hasWorker || isToEnd ? begun : now)
      if (hasWorker) await begin(name, target, attempt)
      else if (!isToEnd) return undefined
      if (now - begun < limits.fencePatienceMs) return undefined
      since.delete(name)
      return {
        how: `, its credential could not be revoked (${hasWorker ? 'no server said that it is' : 'no worker of its pool is alive'})`,
      }
    },
  }
}
