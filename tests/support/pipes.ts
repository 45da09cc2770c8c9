import { randomUUID } from 'node:crypto'
import type { AddressCheck } from '../../src/cluster/addresses.ts'
import { newId } from '../../src/model/ids.ts'
import type { PipeMail } from '../../src/model/pipe.ts'
import type { Target } from '../../src/model/target.ts'
import { pipedCluster } from '../../src/server/pipe.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { carryPipes } from '../../workers/pipe.ts'
import { sampleSealed, sampleTarget, sampleWorker } from './samples.ts'

export interface CarryingWorker {
  readonly id: string
  /** Pipes that it carries. */
  count(): number
  stop(): Promise<void>
}

/** What a worker has that carries pipes: a record that is renewed, and their end. */
export const startCarrying = async (
  store: Store,
  pool: string,
  tap: (mail: PipeMail) => PipeMail = (mail) => mail,
  addresses?: AddressCheck,
): Promise<CarryingWorker> => {
  const id = newId('wrk')
  const beat = () => store.workers.beat(sampleWorker(id, { pool }))
  await beat()
  const beating = setInterval(() => void beat().catch(() => {}), 1000)
  const { close, count, ready } = carryPipes({
    id,
    pool,
    mail: tap(store.pipes(pool)),
    findTarget: (name) => store.targets.get(name),
    log: () => {},
    ...(addresses === undefined ? {} : { addresses }),
  })
  await ready
  return {
    id,
    count,
    async stop() {
      clearInterval(beating)
      await close()
      await store.workers.remove(id)
    },
  }
}

/** A server's way through pipes to targets of a pool of its own, over a real Redis. */
export interface Pipes {
  readonly store: Store
  readonly pool: string
  readonly cluster: ReturnType<typeof pipedCluster>
  /** Another server's way. */
  newCluster(): ReturnType<typeof pipedCluster>
  /** Stores a target of this pool. */
  target(server: string, more?: Partial<Target>): Promise<Target>
  addWorker(): Promise<CarryingWorker>
  stop(): Promise<void>
}

/**
 * @param options.workers how many carry in this process; one when absent
 * @param options.addresses which ones the workers take for a target's
 * @param options.tap sees the letters of all ends
 */
export const startPipes = async (
  url: string,
  options: { readonly workers?: number; readonly tap?: (mail: PipeMail) => PipeMail; readonly addresses?: AddressCheck } = {},
): Promise<Pipes> => {
  const { workers = 1, tap = (mail) => mail, addresses } = options
  const store = await openStore({ url })
  const pool = `pipe-${randomUUID().slice(0, 8)}`
  const stops: (() => Promise<void>)[] = []
  const newCluster = () => {
    const cluster = pipedCluster({ store: { workers: store.workers, pipes: (of) => tap(store.pipes(of)) }, log: () => {} })
    stops.unshift(cluster.close)
    return cluster
  }
  const addWorker = async (): Promise<CarryingWorker> => {
    const worker = await startCarrying(store, pool, tap, addresses)
    stops.push(worker.stop)
    return worker
  }
  for (let n = 0; n < workers; n++) await addWorker()
  return {
    store,
    pool,
    cluster: newCluster(),
    newCluster,
    async target(server, more = {}) {
      const made = sampleTarget(`t-${randomUUID()}`, { server, pool, ...more })
      await store.targets.create(made, sampleSealed(made.account.id))
      return made
    },
    addWorker,
    async stop() {
      for (const stop of stops) await stop()
      await store.close()
    },
  }
}
