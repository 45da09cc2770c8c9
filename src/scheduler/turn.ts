import type { Job, JobRef, LockName } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import type { LockEntry, LockState } from '../store/types.ts'
import { admit, type Blocker, blockerOf, isHolder, reasonOf, release } from './admit.ts'
import type { SchedulerStore } from './types.ts'

/** What came of asking for a lock. */
export type Turn = 'taken' | 'waiting' | 'ask-again'

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
): Promise<Turn> => {
  const entry: LockEntry = { deploymentId: job.deploymentId, jobId: job.jobId, step: job.step.name, since: readyAt }
  const lock = await store.locks.update(job.lock, (state) => admit(state, entry, now))
  if (isHolder(lock, job)) return 'taken'
  const blocker = blockerOf(lock, job, now)
  if (blocker === undefined) return 'ask-again'
  if (blocker.kind !== 'cooling' && (await isStale(store, blocker))) {
    await store.locks.update(job.lock, (state) => release(state, blocker.entry))
    return 'ask-again'
  }
  if (blocker.kind === 'ahead') nudge(blocker.entry.deploymentId)
  const reason = reasonOf(blocker, job.lock)
  if (job.waitsFor !== reason) await store.jobs.waiting(job, reason)
  return 'waiting'
}

/**
 * Gives a job's lock, or its place in the queue, back.
 * @returns the lock afterwards: its first in the queue may take it
 */
export const giveBack = (store: SchedulerStore, name: LockName, ref: JobRef): Promise<LockState> =>
  store.locks.update(name, (state) => release(state, ref))
