import type { Signed } from '../model/signature.ts'

/** What a worker takes from the queue of its pool. */
export type QueueItem =
  | {
      readonly kind: 'job'
      readonly deploymentId: string
      readonly jobId: string
      /** The attempt that this start will be. */
      readonly attempt: number
      /** What a server signed of it: a worker takes nothing else. */
      readonly envelope?: Signed
    }
  | { readonly kind: 'check'; readonly checkId: string; readonly target: string; readonly envelope?: Signed }

export interface QueueOptions {
  /** The address (model/redis-address.ts). */
  readonly url: string
  /** Milliseconds until a call gives up with redis_timeout; 5000 when absent. */
  readonly timeoutMs?: number
  readonly log?: (line: object) => void
}

export interface Queue {
  /**
   * Puts an item into a pool's queue, once: by job id and attempt, or check id.
   * @param copy above 0 puts it there once more, for one that a worker took and never started
   * @throws TelpherError redis_timeout, redis_unreachable, redis_full
   */
  enqueue(pool: string, item: QueueItem, copy?: number): Promise<void>
  /** Whether the item waits in the queue, or was taken by a worker that has not finished with it. */
  holds(pool: string, item: QueueItem, copy?: number): Promise<'waiting' | 'taken' | 'absent'>
  /** How many items wait in a pool's queue. */
  depth(pool: string): Promise<number>
  close(): Promise<void>
}

export interface ConsumeOptions extends QueueOptions {
  readonly pool: string
  readonly concurrency: number
  /**
   * What it throws is logged; the item is not tried again: whoever enqueued it sees to that.
   * @returns `later` for an item that this worker leaves to others: it is put back, each time for longer
   */
  readonly handler: (item: QueueItem) => Promise<unknown>
}

export interface Consumer {
  /** Stops taking items; those taken go on. */
  pause(): Promise<void>
  resume(): Promise<void>
  setConcurrency(concurrency: number): void
  /** Stops taking, puts back what was on its way, and waits for the items that were taken. */
  close(): Promise<void>
}
