import { Queue as BullQueue } from 'bullmq'
import { logOnce } from '../model/log-once.ts'
import { within } from '../model/within.ts'
import { connectionOf, itemId, keptEvents, poolPrefix, queueName, toQueueError } from './connection.ts'
import type { Queue, QueueItem, QueueOptions } from './types.ts'

/** Opens the producers' side of all pools' queues; connects when first used. */
export const openQueue = (options: QueueOptions): Queue => {
  const { url, timeoutMs = 5000, log = () => {} } = options
  const queues = new Map<string, BullQueue<QueueItem>>()
  const ends = new Map<BullQueue<QueueItem>, () => void>()

  const shut = async (queue: BullQueue<QueueItem>): Promise<void> => {
    await within(queue.close(), 1000).catch(() => queue.disconnect().catch(() => {}))
    ends.get(queue)?.()
    ends.delete(queue)
  }
  const open = (pool: string): BullQueue<QueueItem> => {
    const known = queues.get(pool)
    if (known !== undefined) return known
    const { connection, end } = connectionOf(url, timeoutMs, 6)
    const queue = new BullQueue<QueueItem>(queueName, {
      connection,
      prefix: poolPrefix(pool),
      streams: { events: { maxLen: keptEvents } },
      // A finished item must not keep its id: what is enqueued again after a loss would be swallowed.
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    })
    const said = logOnce(log, `queue of pool ${pool}`)
    queue.on('error', said.failed)
    queues.set(pool, queue)
    ends.set(queue, end)
    // One whose first connection broke half-way stays broken: the next call opens another.
    queue.waitUntilReady().catch(() => {
      queues.delete(pool)
      void shut(queue)
    })
    return queue
  }
  const call = async <T>(pool: string, work: (queue: BullQueue<QueueItem>) => Promise<T>): Promise<T> => {
    try {
      return await within(work(open(pool)), timeoutMs)
    } catch (error) {
      throw toQueueError(error)
    }
  }
  return {
    enqueue: async (pool, item, copy) => {
      await call(pool, (queue) => queue.add(item.kind, item, { jobId: itemId(item, copy) }))
    },
    holds: async (pool, item, copy) => {
      const state = await call(pool, (queue) => queue.getJobState(itemId(item, copy)))
      if (state === 'active') return 'taken'
      return state === 'unknown' || state === 'completed' || state === 'failed' ? 'absent' : 'waiting'
    },
    depth: (pool) => call(pool, (queue) => queue.getJobCountByTypes('waiting', 'prioritized', 'delayed')),
    close: async () => {
      await Promise.all([...queues.values()].map(shut))
    },
  }
}
