import type { Queue, QueueItem } from '../../src/queue/index.ts'
import type { SchedulerQueue } from '../../src/scheduler/index.ts'

/** The real queue, with a count of how often each attempt was enqueued. */
export const countEnqueues = (queue: Queue, counts: Map<string, number>): SchedulerQueue => ({
  holds: queue.holds,
  enqueue: async (pool: string, item: QueueItem, copy?: number) => {
    const key = item.kind === 'check' ? item.checkId : `${item.jobId}:${item.attempt}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    await queue.enqueue(pool, item, copy)
  },
})
