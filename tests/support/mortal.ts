import type { SchedulerQueue, SchedulerStore } from '../../src/scheduler/index.ts'

export interface Mortal {
  readonly store: SchedulerStore
  readonly queue: SchedulerQueue
  isDead(): boolean
}

/**
 * A store and a queue of a server that dies at its nth change of anything: that one and all later calls never come back.
 * @param after whether the change itself still reaches Redis
 */
export const mortal = (store: SchedulerStore, queue: SchedulerQueue, dieAt: number, after: boolean): Mortal => {
  let changes = 0
  let isDead = false
  const never = new Promise<never>(() => {})
  const guard = <Args extends unknown[], Result>(isChange: boolean, work: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      if (isDead) return never
      if (isChange && ++changes === dieAt) {
        isDead = true
        if (after) await work(...args)
        return never
      }
      return work(...args)
    }
  }
  const { deployments, jobs, locks, rooms } = store
  const dying: SchedulerStore = {
    ...store,
    deployments: {
      ...deployments,
      snapshot: guard(false, deployments.snapshot),
      advance: guard(true, deployments.advance),
      forget: guard(true, deployments.forget),
    },
    jobs: { ...jobs, apply: guard(true, jobs.apply), settle: guard(true, jobs.settle), waiting: guard(true, jobs.waiting) },
    locks: { get: locks.get, update: guard(true, locks.update) },
    rooms: { ...rooms, enter: guard(true, rooms.enter), leave: guard(true, rooms.leave) },
  }
  return { store: dying, queue: { enqueue: guard(true, queue.enqueue), holds: queue.holds }, isDead: () => isDead }
}
