import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue } from '../../../src/queue/index.ts'
import { expand, type SchedulerQueue, startScheduler } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

/** `npm run soak` races for 100,000. */
const jobCount = Number(process.env['RACE_JOBS'] ?? 1000)
const perDeployment = 50
const limitMs = 60_000 + jobCount * 20

let redis: OwnRedis
const stops: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis()
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  await redis.stop()
})

const open = async (): Promise<Store> => {
  const store = await openStore({ url: redis.url })
  stops.push(() => store.close())
  return store
}

test(
  'eight workers race for every job, and each is started once',
  async () => {
    const witness = createWitness()
    const queue = openQueue({ url: redis.url })
    stops.push(() => queue.close())
    // Every item is in the queue three times, for whoever takes it.
    const tripled: SchedulerQueue = {
      ...queue,
      enqueue: async (pool, item) => {
        await Promise.all([0, 1, 2].map((copy) => queue.enqueue(pool, item, copy)))
      },
    }
    for (const server of [await open(), await open()]) {
      const ending = new AbortController()
      const scheduler = startScheduler({ store: server, queue: tripled, log: () => {}, signal: ending.signal })
      stops.push(async () => {
        ending.abort()
        await scheduler.stopped
      })
    }
    const store = await open()
    for (let index = 0; index < 8; index++) {
      const worker = startSimWorker({ id: `wrk_${index}`, url: redis.url, store: await open(), witness, beatMs: 1000 })
      stops.push(() => worker.stop())
    }
    const ids: string[] = []
    const fewActive = async (most: number): Promise<boolean> => (await store.deployments.active()).length <= most
    while (ids.length * perDeployment < jobCount) {
      const targets = Array.from({ length: perDeployment }, (_, index) => sampleTarget(`t${ids.length}-${index}`))
      const names = targets.map(({ name }) => name)
      const { deployment, jobs } = expand(sampleRequest([applyStep('web')], names), targets, Date.now())
      await store.deployments.create(deployment, jobs)
      ids.push(deployment.id)
      await eventually(() => fewActive(30), limitMs, 10)
    }
    await eventually(() => fewActive(0), limitMs, 50)
    expect(witness.violations).toEqual([])
    expect(witness.starts.size).toBe(ids.length * perDeployment)
    expect([...witness.starts].filter(([, attempts]) => attempts.length !== 1 || attempts[0] !== 1)).toEqual([])
    for (const id of ids) expect((await store.deployments.get(id)).deployment.result).toBe('success')
  },
  limitMs + 30_000,
)
