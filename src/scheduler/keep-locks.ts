import type { Job } from '../model/deployment.ts'
import { isActive } from '../model/states.ts'
import type { LockState } from '../store/types.ts'
import { isHolder, release } from './admit.ts'
import type { SchedulerStore } from './types.ts'

type LockStore = Pick<SchedulerStore, 'deployments' | 'jobs' | 'locks'>

/** The lock with a job as its holder again; the same object when it is, or when another job has it. */
const keep = (lock: LockState, { deploymentId, jobId, step, admittedAt = 0 }: Job): LockState => {
  if (lock.holder !== undefined) return lock
  const ref = { deploymentId, jobId }
  return { ...release(lock, ref), holder: { ...ref, step: step.name, since: admittedAt } }
}

const keepLock = async (store: LockStore, job: Job): Promise<boolean> => {
  if ((await store.locks.get(job.lock)).holder !== undefined) return false
  // It may have ended since it was seen, and given its lock back.
  const now = await store.jobs.get(job)
  if (!isActive(now.status)) return false
  return isHolder(await store.locks.update(job.lock, (lock) => keep(lock, now)), now)
}

/**
 * Gives jobs at work their locks back: in a Redis Cluster a fail-over of the master of the locks loses what the master of the jobs knows.
 * Until then another job may take such a lock: no more than the time between two looks.
 * @returns how many had none
 */
export const keepLocks = async (store: LockStore): Promise<number> => {
  let count = 0
  for (const id of await store.deployments.active()) {
    const snapshot = await store.deployments.snapshot(id).catch(() => undefined)
    const atWork = (snapshot?.jobs ?? []).map(({ job }) => job).filter(({ status }) => isActive(status))
    const kept = await Promise.all(atWork.map((job) => keepLock(store, job)))
    count += kept.filter(Boolean).length
  }
  return count
}
