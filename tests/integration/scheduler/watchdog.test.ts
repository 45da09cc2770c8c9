import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, type SchedulerStore, startScheduler, startWatchdog, type WatchdogOptions } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { helmStep, sampleRequest, sampleTarget, sampleWorker } from '../../support/samples.ts'
import { createWitness, startSimWorker, type Witness } from '../../support/simworker.ts'

let redis: OwnRedis
let store: Store
let queue: Queue
let witness: Witness
let stopping: (() => Promise<unknown>)[]
beforeEach(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url, timeoutMs: 1000 })
  queue = openQueue({ url: redis.url })
  witness = createWitness()
  stopping = []
})
afterEach(async () => {
  await Promise.all(stopping.map((stop) => stop()))
  await queue.close()
  await store.close()
  await redis.stop()
})

const limits = { deadAfterMs: 1000, claimMs: 600, writeLimitMs: 2000, lookMs: 100, gapMs: 1500, maxStarts: 3 }
const startServer = (more: WatchdogOptions['limits'] = {}, watched: SchedulerStore = store): void => {
  const ending = new AbortController()
  const shared = { store, queue, log: () => {}, signal: ending.signal }
  const scheduler = startScheduler({ ...shared, times: { sweepMs: 100, lookAfterMs: 500, takenMs: 5000, deadAfterMs: 1000 } })
  const watchdog = startWatchdog({ ...shared, store: watched, limits: { ...limits, ...more } })
  stopping.push(async () => {
    ending.abort()
    await Promise.all([scheduler.stopped, watchdog.stopped])
  })
}
const startWorker = (id: string, knobs: Partial<Parameters<typeof startSimWorker>[0]> = {}): ReturnType<typeof startSimWorker> => {
  const worker = startSimWorker({ id, url: redis.url, store, witness, beatMs: 100, ...knobs })
  stopping.push(worker.stop)
  return worker
}
const deploy = async (): Promise<Job> => {
  const { deployment, jobs } = expand(sampleRequest([helmStep('app', 'web')], ['t']), [sampleTarget('t')], Date.now())
  await store.deployments.create(deployment, jobs)
  return jobs[0]!
}
const ended = (job: Job): Promise<Job> =>
  eventually(async () => {
    const now = await store.jobs.get(job)
    return now.endedAt === undefined ? undefined : now
  })

test('a dead worker’s attempt is done anew by another, under the same lock', async () => {
  startServer()
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  const second = await deploy()
  startWorker('wrk_heir')
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(await ended(second)).toMatchObject({ status: 'succeeded', attempt: 1 })
  expect(witness.starts.get(job.jobId)).toEqual([1, 2])
  expect(witness.violations).toEqual([])
  const events = await collect(store.events(job.deploymentId).read({ follow: true }))
  expect(events.flatMap((event) => (event.type === 'notice' ? [event.message] : []))).toEqual([
    'worker wrk_dead is no longer heard: attempt 2 begins',
  ])
})

test('the lock passes to no other deployment while a write of the dead attempt may be open', async () => {
  startServer()
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 1 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  const second = await deploy()
  startWorker('wrk_heir')
  const first = await ended(job)
  expect(first.status).toBe('succeeded')
  const { cooling } = await store.locks.get(job.lock)
  expect(cooling?.deploymentId).toBe(job.deploymentId)
  await eventually(async () => (await store.jobs.get(second)).waitsFor?.startsWith('a write of a lost attempt'))
  const after = await ended(second)
  expect(after.status).toBe('succeeded')
  expect(after.startedAt).toBeGreaterThanOrEqual(cooling!.until - 50)
})

test('an attempt that a living worker forgot is done anew', async () => {
  startServer()
  startWorker('wrk_a', { drops: (job) => job.attempt === 1 })
  const job = await deploy()
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
})

test('a job that kills its workers is not started for ever', async () => {
  startServer()
  const job = await deploy()
  for (let attempt = 1; attempt <= limits.maxStarts; attempt++) {
    const worker = startWorker(`wrk_${attempt}`, { dies: () => ({ openWrites: 0 }) })
    await eventually(() => worker.isDead())
  }
  expect(await ended(job)).toMatchObject({ status: 'errored', attempt: 3, end: { code: 'start_cap' } })
  await eventually(async () => (await store.deployments.get(job.deploymentId)).deployment.result === 'error')
})

test('a job that was to be cancelled is not started anew', async () => {
  startServer()
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  await store.jobs.apply(job, { type: 'cancel' })
  expect(await ended(job)).toMatchObject({ status: 'cancelled', attempt: 1 })
})

test.each(['kill', 'freeze'] as const)('an outage of Redis is nobody’s death: %s', async (outage) => {
  let looks = 0
  const now = async (): Promise<number> => {
    const answer = await store.workers.now()
    looks++
    return answer
  }
  startServer({}, { ...store, workers: { ...store.workers, now } })
  const job = await deploy()
  await eventually(async () => (await store.jobs.get(job)).status === 'admitted')
  const { job: started } = await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  const beat = () => store.workers.beat(sampleWorker('wrk_a', { attempts: [{ ...started, attempt: 1, openWrites: 0 }] }))
  await beat()
  if (outage === 'kill') await redis.kill()
  else await redis.freeze()
  // Longer than a worker may be silent.
  await new Promise((resolve) => setTimeout(resolve, 2 * limits.deadAfterMs))
  if (outage === 'kill') await redis.start()
  else await redis.thaw()
  // The watchdog finds a worker that was silent all the time, and that cannot have been heard.
  const before = looks
  await eventually(() => looks >= before + 4)
  await eventually(() => beat().then(() => true))
  expect(await store.jobs.get(job)).toMatchObject({ status: 'preparing', attempt: 1 })
  // Once Redis answers, silence counts again.
  await eventually(async () => (await store.jobs.get(job)).status === 'admitted')
})
