import type { Job, JobRef, LockName } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isTerminal, type JobEnd } from '../model/states.ts'
import type { BusyPolicy } from '../model/step.ts'
import type { LockEntry, LockState } from '../store/types.ts'
import { admit, type Blocker, blockerOf, isHolder, reasonOf, release } from './admit.ts'
import type { SchedulerStore } from './types.ts'

/** What came of asking for a lock. */
export type Turn = 'taken' | 'waiting' | 'ask-again'

export interface Asked {
  readonly turn: Turn
  readonly lock: LockState
  /** Why it waits, when it does, and for which deployment. */
  readonly blocked?: { readonly reason: string; readonly by: string }
}

/** The job, or undefined when its deployment is gone. */
const findJob = async (store: SchedulerStore, ref: JobRef): Promise<Job | undefined> => {
  try {
    return await store.jobs.get(ref)
  } catch (error) {
    if (error instanceof TelpherError && error.code === 'unknown_deployment') return undefined
    throw error
  }
}

/**
 * Whether who stands in the way has lost its right to: a server that died between two steps leaves a lock with a
 * job that has ended, or a place in the queue with one that needs it no more.
 */
const isStale = async (store: SchedulerStore, blocker: Blocker): Promise<boolean> => {
  if (blocker.kind === 'cooling') return false
  const job = await findJob(store, blocker.entry)
  if (job === undefined || isTerminal(job.status)) return true
  return blocker.kind === 'ahead' && job.status !== 'pending'
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
  if (blocker.kind !== 'cooling' && (await isStale(store, blocker))) {
    await store.locks.update(job.lock, (state) => release(state, blocker.entry))
    return { turn: 'ask-again', lock }
  }
  if (blocker.kind === 'ahead') nudge(blocker.entry.deploymentId)
  const by = blocker.kind === 'cooling' ? blocker.deploymentId : blocker.entry.deploymentId
  return { turn: 'waiting', lock, blocked: { reason: reasonOf(blocker, job.lock), by } }
}

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
