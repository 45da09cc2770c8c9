import { openQueue } from '../../src/queue/index.ts'
import { startScheduler } from '../../src/scheduler/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'

/** What schedules in a server, without its API, and its end. */
export interface SchedulingServer {
  readonly store: Store
  stop(): Promise<void>
}

/** Starts one that looks for what it missed ten times a second. @param url of its Redis */
export const startSchedulingServer = async (url: string): Promise<SchedulingServer> => {
  const [store, queue] = [await openStore({ url }), openQueue({ url })]
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: { sweepMs: 100 } })
  return {
    store,
    async stop() {
      ending.abort()
      await scheduler.stopped
      await Promise.all([store.close(), queue.close()])
    },
  }
}
