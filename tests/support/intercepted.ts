import type { SchedulerQueue, SchedulerStore } from '../../src/scheduler/index.ts'

/** A call of a server to its store or queue, by its name, such as `rooms.enter`. */
export interface Call {
  readonly name: string
  readonly isChange: boolean
}

/** What is done around each call: it says whether, when and after what the call itself is made. */
export type Around = <Result>(call: Call, work: () => Promise<Result>) => Promise<Result>

/** A store and a queue whose calls of the scheduler go through `around`. */
export const intercepted = (
  store: SchedulerStore,
  queue: SchedulerQueue,
  around: Around,
): { readonly store: SchedulerStore; readonly queue: SchedulerQueue } => {
  const through =
    (isChange: boolean, name: string) =>
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      around({ name, isChange }, () => work(...args))
  const change = (name: string) => through(true, name)
  const { deployments, jobs, locks, rooms } = store
  return {
    store: {
      ...store,
      deployments: {
        ...deployments,
        snapshot: through(false, 'deployments.snapshot')(deployments.snapshot),
        advance: change('deployments.advance')(deployments.advance),
        forget: change('deployments.forget')(deployments.forget),
      },
      jobs: {
        ...jobs,
        apply: change('jobs.apply')(jobs.apply),
        settle: change('jobs.settle')(jobs.settle),
        waiting: change('jobs.waiting')(jobs.waiting),
      },
      locks: { get: locks.get, update: change('locks.update')(locks.update) },
      rooms: { ...rooms, enter: change('rooms.enter')(rooms.enter), leave: change('rooms.leave')(rooms.leave) },
    },
    queue: { enqueue: change('queue.enqueue')(queue.enqueue), holds: queue.holds },
  }
}
