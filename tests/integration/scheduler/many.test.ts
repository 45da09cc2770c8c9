import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Deployment, Job } from '../../../src/model/deployment.ts'
import { deploymentResult, isTerminal, type JobEnd } from '../../../src/model/states.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, type Scheduler, startScheduler, startWatchdog } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { countEnqueues } from '../../support/countingqueue.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { seededRandom } from '../../support/random.ts'
import { applyStep, helmStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

let redis: OwnRedis
const opened: { store: Store; queue: Queue }[] = []
const stopping = new Set<() => Promise<unknown>>()
beforeEach(async () => {
  redis = await startOwnRedis()
})
afterEach(async () => {
  await Promise.all([...stopping].map((stop) => stop()))
  stopping.clear()
  await Promise.all(opened.splice(0).map(({ store, queue }) => Promise.all([store.close(), queue.close()])))
  await redis.stop()
})

const open = async (): Promise<{ store: Store; queue: Queue }> => {
  const pair = { store: await openStore({ url: redis.url, timeoutMs: 2000 }), queue: openQueue({ url: redis.url, timeoutMs: 2000 }) }
  opened.push(pair)
  return pair
}
/** @param deadAfterMs silence of a worker after which it is dead: the double has no gate that would keep it from going on */
const startServer = async (counts: Map<string, number>, lookAfterMs: number, deadAfterMs = 3000): Promise<Scheduler> => {
  const { store, queue } = await open()
  const ending = new AbortController()
  const shared = { store, queue: countEnqueues(queue, counts), log: () => {}, signal: ending.signal }
  const scheduler = startScheduler({ ...shared, times: { sweepMs: 300, lookAfterMs, takenMs: 6000 } })
  const limits = { deadAfterMs, claimMs: 1000, writeLimitMs: 1000, lookMs: 300 }
  const watchdog = startWatchdog({ fence: async () => {}, ...shared, limits })
  stopping.add(async () => {
    ending.abort()
    await Promise.all([scheduler.stopped, watchdog.stopped])
  })
  return scheduler
}

/** Few clusters, few releases: most deployments have to wait for another. */
const randomDeployment = (random: () => number, index: number) => {
  const pick = (count: number): number => Math.floor(random() * count)
  const targets = [sampleTarget(`t${pick(3)}`), sampleTarget(`u${pick(2)}`)].slice(0, 1 + pick(2))
  const steps = Array.from({ length: 1 + pick(3) }, (_, step) =>
    random() < 0.5 ? helmStep(`s${step}`, `release${pick(3)}`) : applyStep(`s${step}`),
  )
  return expand(
    {
      ...sampleRequest(
        steps,
        targets.map(({ name }) => name),
      ),
      name: `n${index}`,
    },
    targets,
    Date.now(),
  )
}
/** About one job of ten fails, the same ones in every run of it. */
const endOf = (job: Job): JobEnd =>
  [...job.jobId].reduce((sum, char) => sum + char.charCodeAt(0), 0) % 10 === 0
    ? { status: 'failed', sentence: 'it failed', code: 'verify_failed' }
    : { status: 'succeeded', sentence: 'done' }

const allEnds = async (store: Store, ids: readonly string[], within: number): Promise<{ deployment: Deployment; jobs: Job[] }[]> => {
  await eventually(async () => (await store.deployments.active()).length === 0, within, 100)
  return Promise.all(ids.map((id) => store.deployments.get(id)))
}
const expectSound = (ends: readonly { deployment: Deployment; jobs: Job[] }[]): void => {
  for (const { deployment, jobs } of ends) {
    const statuses = jobs.map(({ status }) => status).filter(isTerminal)
    expect(statuses).toHaveLength(jobs.length)
    expect(deployment).toMatchObject({ state: 'finished', result: deploymentResult(statuses) })
    for (const job of jobs) {
      const before = jobs.filter((other) => other.target === job.target && other.stepIndex < job.stepIndex)
      if (job.status === 'skipped') expect(before.some(({ status }) => status !== 'succeeded')).toBe(true)
      else expect(before.every(({ status }) => status === 'succeeded')).toBe(true)
    }
  }
}

test('two servers take 200 deployments through: each attempt enqueued once, no lock held twice', async () => {
  const random = seededRandom(11)
  const counts = new Map<string, number>()
  const witness = createWitness()
  // No healing is wanted here: it would hide what was forgotten.
  const [one, two] = [await startServer(counts, 60_000, 60_000), await startServer(counts, 60_000, 60_000)]
  const { store } = await open()
  const workers = ['wrk_a', 'wrk_b'].map((id) =>
    startSimWorker({ id, url: redis.url, store, witness, concurrency: 20, beatMs: 500, ends: endOf }),
  )
  for (const worker of workers) stopping.add(worker.stop)
  const ids: string[] = []
  for (let index = 0; index < 200; index++) {
    const { deployment, jobs } = randomDeployment(random, index)
    ids.push(deployment.id)
    await store.deployments.create(deployment, jobs)
    // Repetition must change nothing: any server may look at anything at any time.
    for (let repeat = 0; repeat < 3; repeat++) (random() < 0.5 ? one : two).kick(ids[Math.floor(random() * ids.length)] ?? '')
  }
  const ends = await allEnds(store, ids, 60_000)
  expectSound(ends)
  expect(witness.violations).toEqual([])
  const ran = ends.flatMap(({ jobs }) => jobs).filter(({ status }) => status !== 'skipped')
  expect([...witness.starts.values()].every((attempts) => attempts.length === 1)).toBe(true)
  expect(witness.starts.size).toBe(ran.length)
  expect([...counts.keys()].toSorted()).toEqual(ran.map(({ jobId }) => `${jobId}:1`).toSorted())
  expect([...counts.entries()].filter(([, count]) => count !== 1)).toEqual([])
  // Every lock was given back.
  for (const { jobs } of ends) for (const { lock } of jobs) expect(await store.locks.get(lock)).toEqual({ queue: [] })
})

test('converges when Redis is killed in the middle and comes back', async () => {
  const random = seededRandom(12)
  const witness = createWitness()
  await startServer(new Map(), 2000)
  await startServer(new Map(), 2000)
  const { store } = await open()
  const workers = ['wrk_a', 'wrk_b'].map((id) => startSimWorker({ id, url: redis.url, store, witness, concurrency: 4, ends: endOf }))
  for (const worker of workers) stopping.add(worker.stop)
  const ids: string[] = []
  for (let index = 0; index < 80; index++) {
    const { deployment, jobs } = randomDeployment(random, index)
    ids.push(deployment.id)
    await store.deployments.create(deployment, jobs)
  }
  await eventually(() => witness.starts.size > 20)
  await redis.kill()
  await redis.start()
  expectSound(await allEnds(store, ids, 90_000))
  expect(witness.violations).toEqual([])
})
