import type { QueueItem } from '../queue/types.ts'
import type { Store } from '../store/types.ts'

/** What the scheduler and the watchdog need of the store. */
export type SchedulerStore = Pick<
  Store,
  | 'deployments'
  | 'jobs'
  | 'claims'
  | 'locks'
  | 'rooms'
  | 'holdings'
  | 'pools'
  | 'freezes'
  | 'targets'
  | 'grants'
  | 'wakes'
  | 'workers'
  | 'events'
  | 'ledger'
  | 'audit'
>

/** What they need of the queue. */
export interface SchedulerQueue {
  enqueue(pool: string, item: QueueItem, copy?: number): Promise<void>
  holds(pool: string, item: QueueItem, copy?: number): Promise<'waiting' | 'taken' | 'absent'>
}

export interface LoopOptions {
  readonly store: SchedulerStore
  readonly queue: SchedulerQueue
  readonly log: (line: object) => void
  /** Ends the loop. */
  readonly signal: AbortSignal
}

/** Times of the scheduler, in ms. */
export interface SchedulerTimes {
  /** Between two sweeps over all active deployments. */
  readonly sweepMs: number
  /** An admitted job that was not started is looked for in the queue after this, and again after as long. */
  readonly lookAfterMs: number
  /** One that a worker took and did not start is enqueued once more after this. */
  readonly takenMs: number
  /** A worker not heard for this long is no worker to wait for. */
  readonly deadAfterMs: number
  /** An id on the list of active deployments without a record is taken off after this. */
  readonly ghostMs: number
}
