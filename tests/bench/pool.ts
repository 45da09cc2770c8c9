import { setTimeout as pause } from 'node:timers/promises'
import { openQueue } from '../../src/queue/index.ts'
import { expand, startScheduler } from '../../src/scheduler/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { eventually } from '../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../support/samples.ts'
import { createWitness, startSimWorker } from '../support/simworker.ts'
import { type Figure, median, rounded } from './figures.ts'

/** Two servers' schedulers and some workers that only keep the books: the state machine, the store and the queue are real, containers are left out. */
interface Ground {
  readonly redis: OwnRedis
  readonly store: Store
  readonly starts: ReadonlyMap<string, readonly number[]>
  stop(): Promise<void>
}

const startGround = async (options: { workers: number; concurrency: number; jobMs: number }): Promise<Ground> => {
  const redis = await startOwnRedis({ appendfsync: 'everysec' })
  const witness = createWitness()
  const stops: (() => Promise<unknown>)[] = [() => redis.stop()]
  const startServer = async (): Promise<Store> => {
    const [store, queue] = [await openStore({ url: redis.url }), openQueue({ url: redis.url })]
    const ending = new AbortController()
    const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal })
    stops.push(async () => {
      ending.abort()
      await scheduler.stopped
      await Promise.all([queue.close(), store.close()])
    })
    return store
  }
  const store = await startServer()
  await startServer()
  const simulated = Array.from({ length: options.workers }, (_, index) =>
    startSimWorker({
      id: `wrk_${index}`,
      url: redis.url,
      store,
      witness,
      concurrency: options.concurrency,
      beatMs: 2000,
      work: () => pause(options.jobMs).then(() => {}),
    }),
  )
  stops.push(() => Promise.all(simulated.map((worker) => worker.stop())))
  return {
    redis,
    store,
    starts: witness.starts,
    stop: async () => {
      for (const stop of stops.toReversed()) await stop()
    },
  }
}

let made = 0
const begin = async (store: Store, count: number): Promise<string> => {
  const targets = Array.from({ length: count }, () => sampleTarget(`t${made++}`))
  const { deployment, jobs } = expand(
    sampleRequest(
      [applyStep('web')],
      targets.map(({ name }) => name),
    ),
    targets,
    Date.now(),
  )
  await store.deployments.create(deployment, jobs)
  return deployment.id
}
/** Seconds from its creation to its end, by the servers' own clock. */
const secondsOf = (store: Store, id: string): Promise<number> =>
  eventually(
    async () => {
      const { deployment } = await store.deployments.get(id)
      return deployment.endedAt !== undefined && (deployment.endedAt - deployment.createdAt) / 1000
    },
    300_000,
    20,
  )

/** Jobs per second through the whole state machine, and jobs that were started twice. */
const throughput = async (workers: number): Promise<{ perSecond: number; duplicates: number }> => {
  const [deployments, each] = [40, 25]
  const ground = await startGround({ workers, concurrency: 4, jobMs: 0 })
  try {
    await secondsOf(ground.store, await begin(ground.store, 20))
    const started = performance.now()
    await Promise.all(Array.from({ length: deployments }, () => begin(ground.store, each)))
    // One question for all of them: looking at each would be more work than the jobs are.
    await eventually(async () => (await ground.store.deployments.active()).length === 0, 300_000, 20)
    const seconds = (performance.now() - started) / 1000
    return {
      perSecond: (deployments * each) / seconds,
      duplicates: [...ground.starts.values()].filter((attempts) => attempts.length > 1).length,
    }
  } finally {
    await ground.stop()
  }
}

/** Seconds that a deployment of one job takes alone, and beside one of many, with four slots of a worker and jobs of 300 ms. */
const fairness = async (runs: number): Promise<{ alone: number; beside: number; big: number }> => {
  const ground = await startGround({ workers: 1, concurrency: 4, jobMs: 300 })
  const { store } = ground
  try {
    await secondsOf(store, await begin(store, 4))
    const alone: number[] = []
    const beside: number[] = []
    for (let run = 0; run < runs; run++) {
      alone.push(await secondsOf(store, await begin(store, 1)))
      const big = await begin(store, 60)
      await pause(700 + Math.random() * 300)
      beside.push(await secondsOf(store, await begin(store, 1)))
      await secondsOf(store, big)
    }
    return { alone: median(alone), beside: median(beside), big: 60 }
  } finally {
    await ground.stop()
  }
}

/** The books of a pool: how many jobs pass, none of them twice, and how long a small deployment waits beside a large one. */
export const poolSuite = async (runs: number): Promise<Figure[]> => {
  const one: number[] = []
  const eight: number[] = []
  let duplicates = 0
  for (let run = 0; run < runs; run++) {
    const [few, many] = [await throughput(1), await throughput(8)]
    one.push(few.perSecond)
    eight.push(many.perSecond)
    duplicates += few.duplicates + many.duplicates
  }
  const { alone, beside, big } = await fairness(Math.max(3, runs))
  return [
    {
      id: 'claims.jobs_per_s_8_vs_1',
      value: rounded(median(eight)),
      unit: 'jobs/s',
      ratio: rounded(median(eight) / median(one)),
      peer: { name: 'one worker', value: rounded(median(one)) },
      runs,
    },
    { id: 'claims.duplicates', value: duplicates, unit: 'jobs', runs },
    {
      id: 'fair.small_wait_vs_alone',
      value: rounded(beside),
      unit: `s beside ${big} jobs of another`,
      ratio: rounded(beside / alone),
      peer: { name: 'alone', value: rounded(alone) },
      runs: Math.max(3, runs),
    },
  ]
}
