import type { Job, JobRef, LockName } from '../model/deployment.ts'
import type { JobEnd } from '../model/states.ts'
import type { BusyPolicy } from '../model/step.ts'
import type { LockEntry, LockState } from '../store/types.ts'
import { admit, blockerOf, isHolder, reasonOf, release } from './admit.ts'
import { isOver } from './ended.ts'
import type { SchedulerStore } from './types.ts'

/** What came of asking for a lock. */
export type Turn = 'taken' | 'waiting' | 'ask-again'

export interface Asked {
  readonly turn: Turn
  readonly lock: LockState
  /** Why it waits, when it does, and for which deployment. */
  readonly blocked?: { readonly reason: string; readonly by: string }
}

/**
 * A pending job asks for its lock.
 * @param now the clock of Redis
 * @param nudge called with a deployment whose turn it is and who may not know
 */
export const askForLock = async (
  store: SchedulerStore,
  job: Job,
  readyAt: number,
  now: number,
  nudge: (deploymentId: string) => void,
): Promise<Asked> => {
  const entry: LockEntry = { deploymentId: job.deploymentId, jobId: job.jobId, step: job.step.name, since: readyAt }
  const lock = await store.locks.update(job.lock, (state) => admit(state, entry, now))
  if (isHolder(lock, job)) return { turn: 'taken', lock }
  const blocker = blockerOf(lock, job, now)
  if (blocker === undefined) return { turn: 'ask-again', lock }
  // A server that died between two steps leaves a lock, or a place in its queue, with a job that has ended.
  if (blocker.kind !== 'cooling' && (await isOver(store, blocker.entry))) {
    await store.locks.update(job.lock, (state) => release(state, blocker.entry))
    return { turn: 'ask-again', lock }
  }
  if (blocker.kind === 'ahead') nudge(blocker.entry.deploymentId)
  const by = blocker.kind === 'cooling' ? blocker.deploymentId : blocker.entry.deploymentId
  return { turn: 'waiting', lock, blocked: { reason: reasonOf(blocker, job.lock), by } }
}

/**
 * Whether a job has its lock, asked before a worker is told of it: the master that gave it may have been followed by one that never heard
 * of that, or that had it given back for an end that it never heard of.
 */
export const holdsLock = async (store: SchedulerStore, job: Job): Promise<boolean> => isHolder(await store.locks.get(job.lock), job)

/**
 * How a job ends that does not wait as others do for its lock, by the word of its deployment; undefined for one that waits. The steps
 * of one deployment wait for one another in any case.
 */
export const endInsteadOfWaiting = (
  { lock, blocked }: Asked,
  { deploymentId }: Job,
  policy: BusyPolicy | undefined,
): JobEnd | undefined => {
  if (policy === 'fail' && blocked !== undefined && blocked.by !== deploymentId)
    return { status: 'failed', sentence: `it was not to wait: ${blocked.reason}`, code: 'lock_busy' }
  if (policy !== 'yield') return undefined
  // Ids begin with their time (model/ids.ts).
  const newer = lock.queue.findLast((entry) => entry.deploymentId > deploymentId)
  return newer && { status: 'skipped', sentence: `it gave way to the newer deployment ${newer.deploymentId}` }
}

/**
 * Gives a job's lock, or its place in the queue, back.
 * @returns the lock afterwards: its first in the queue may take it
 */
export const giveBack = (store: SchedulerStore, name: LockName, ref: JobRef): Promise<LockState> =>
  store.locks.update(name, (state) => release(state, ref))
