import { setTimeout as sleep } from 'node:timers/promises'
import { Worker as BullWorker, DelayedError, type Job } from 'bullmq'
import { logOnce } from '../model/log-once.ts'
import { connectionOf, poolPrefix, queueName } from './connection.ts'
import type { ConsumeOptions, Consumer, QueueItem } from './types.ts'

/** It guards the queue, not the work: a job taken twice is refused by its attempt when it starts. */
const lockMs = 60_000
const restartMs = 500
/**
 * How long what was put back stays away from all workers, in ms: longer each time, so that those that cannot do it do not spin, and
 * never so long that one that can has to wait for it.
 */
const firstBackMs = 250
const longestBackMs = 5000
const goodbyeMs = 1000
/**
 * BullMQ wakes one worker for what is enqueued; one that ends in that moment takes the wake along, and the others look by themselves only after this, in s.
 */
const lookSeconds = 1

/** One run of taking: a pause ends it and resuming begins another, so that what was taken goes on meanwhile. */
interface Taker {
  setConcurrency(concurrency: number): void
  stop(): Promise<void>
}

/** Takes items from the queue of one pool until closed; outlives outages of Redis. */
export const consume = (options: ConsumeOptions): Consumer => {
  const { url, pool, handler, timeoutMs = 5000, log = () => {} } = options
  const said = logOnce(log, `taking from pool ${pool}`)
  const active = new Set<Promise<unknown>>()
  let concurrency = options.concurrency
  let taker: Taker | undefined
  /** Settles when every run of taking that was ended is over. */
  let stopping: Promise<unknown> = Promise.resolve()
  let isClosing = false

  const handle = async (item: QueueItem): Promise<unknown> => {
    said.well()
    // It was on its way when the taking ended: others do it.
    if (isClosing) return 'later'
    try {
      return await handler(item)
    } catch (error) {
      // Nothing is tried again here: the scheduler sees what did not start and the watchdog what did not end.
      log({ level: 'error', msg: 'a queue item was dropped', item, error: error instanceof Error ? error.message : String(error) })
      return undefined
    }
  }
  const create = (): { readonly worker: BullWorker<QueueItem>; end(): void } => {
    const { connection, end } = connectionOf(url, timeoutMs, null)
    const process = async (job: Job<QueueItem>, token?: string): Promise<void> => {
      const done = handle(job.data)
      active.add(done)
      const outcome = await done.finally(() => active.delete(done))
      if (outcome !== 'later') return
      await job.moveToDelayed(Date.now() + Math.min(longestBackMs, firstBackMs * 2 ** Math.min(job.attemptsStarted, 10)), token)
      // BullMQ's word for a job that was neither done nor failed (docs.bullmq.io, process step jobs).
      throw new DelayedError()
    }
    const worker = new BullWorker<QueueItem>(queueName, process, {
      connection,
      prefix: poolPrefix(pool),
      autorun: false,
      concurrency,
      lockDuration: lockMs,
      drainDelay: lookSeconds,
      maxStalledCount: 1,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    })
    worker.on('error', said.failed)
    return { worker, end }
  }
  const start = (): Taker => {
    const ending = new AbortController()
    let { worker, end } = create()
    /** BullMQ's loop ends for good when its first connection fails: then another one takes over. */
    const run = async (): Promise<void> => {
      for (;;) {
        await worker.run().catch(said.failed)
        if (ending.signal.aborted) return
        await sleep(restartMs, undefined, { signal: ending.signal }).catch(() => {})
        if (ending.signal.aborted) return
        void worker.close(true).then(end, end)
        ;({ worker, end } = create())
      }
    }
    void run()
    return {
      setConcurrency: (count) => {
        worker.concurrency = count
      },
      stop: async () => {
        ending.abort()
        const closed = worker.close().catch(() => {})
        do {
          await Promise.allSettled(active)
          // Its goodbye to a Redis that is away would last as long as the outage. What was on its way comes meanwhile.
          await Promise.race([closed, sleep(goodbyeMs)])
        } while (active.size > 0)
        await Promise.race([worker.disconnect().catch(() => {}), sleep(goodbyeMs)])
        end()
      },
    }
  }
  const stop = (): Promise<unknown> => {
    const stopped = taker?.stop().catch(said.failed)
    taker = undefined
    stopping = Promise.all([stopping, stopped])
    return stopping
  }
  taker = start()
  return {
    pause: async () => {
      void stop()
    },
    resume: async () => {
      taker ??= start()
    },
    setConcurrency: (count) => {
      concurrency = count
      taker?.setConcurrency(count)
    },
    close: async () => {
      isClosing = true
      await stop()
    },
  }
}
