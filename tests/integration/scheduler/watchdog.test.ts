import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AttemptRef, Job } from '../../../src/model/deployment.ts'
import { TelpherError } from '../../../src/model/errors.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, type SchedulerStore, startScheduler, startWatchdog, type WatchdogOptions } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { helmStep, sampleRequest, sampleSealed, sampleTarget, sampleWorker } from '../../support/samples.ts'
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
/** What a server does to fence: nothing that lasts, where a test is about other things. */
type Fence = WatchdogOptions['fence']
const startServer = (
  more: WatchdogOptions['limits'] = {},
  watched: SchedulerStore = store,
  fence: Fence = async () => {},
): (() => void) => {
  const ending = new AbortController()
  const shared = { store, queue, log: () => {}, signal: ending.signal }
  const scheduler = startScheduler({ ...shared, times: { sweepMs: 100, lookAfterMs: 500, takenMs: 5000, deadAfterMs: 1000 } })
  const watchdog = startWatchdog({ ...shared, fence, store: watched, limits: { ...limits, ...more } })
  stopping.push(async () => {
    ending.abort()
    await Promise.all([scheduler.stopped, watchdog.stopped])
  })
  return () => ending.abort()
}
const startWorker = (id: string, knobs: Partial<Parameters<typeof startSimWorker>[0]> = {}): ReturnType<typeof startSimWorker> => {
  const worker = startSimWorker({ id, url: redis.url, store, witness, beatMs: 100, ...knobs })
  stopping.push(worker.stop)
  return worker
}
/** A target whose tokens can be revoked. */
const revocable = async (): Promise<void> => {
  const target = sampleTarget('t')
  await store.targets.create({ ...target, account: { ...target.account, mode: 'token-request' } }, sampleSealed(target.account.id))
}
const noticesOf = async (job: Job): Promise<string[]> => {
  const events = await collect(store.events(job.deploymentId).read({ follow: true }))
  return events.flatMap((event) => (event.type === 'notice' ? [event.message] : []))
}
const deploy = async (deadlineSeconds?: number): Promise<Job> => {
  const request = sampleRequest([helmStep('app', 'web')], ['t'])
  const timed = deadlineSeconds === undefined ? request : { ...request, deadlineSeconds }
  const { deployment, jobs } = expand(timed, [sampleTarget('t')], Date.now())
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

test('where tokens can be revoked the next attempt begins only after they were seen to be refused', async () => {
  await revocable()
  const taken: AttemptRef[] = []
  const refused = Promise.withResolvers<void>()
  const fence: Fence = async (_, attempt) => {
    taken.push(attempt)
    await refused.promise
  }
  startServer({}, store, fence)
  startServer({}, store, fence)
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  startWorker('wrk_heir')
  await eventually(() => taken.length > 0)
  // The watchdogs look ten times a second.
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(taken).toEqual([{ deploymentId: job.deploymentId, jobId: job.jobId, attempt: 1 }])
  expect(await store.jobs.get(job)).toMatchObject({ status: 'preparing', attempt: 1 })
  refused.resolve()
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(await noticesOf(job)).toEqual(['worker wrk_dead is no longer heard, its credential is revoked: attempt 2 begins'])
})

test('a fence whose server died is done by another', async () => {
  await revocable()
  const fenced: string[] = []
  const forEver = new Promise<void>(() => {})
  startServer({ fenceAgainMs: 300 }, store, () => {
    fenced.push('first')
    return forEver
  })
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  startWorker('wrk_heir')
  await eventually(() => fenced.length === 1)
  startServer({ fenceAgainMs: 300 }, store, async () => void fenced.push('second'))
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(fenced).toEqual(['first', 'second'])
})

test('a fence is done by one server for as long as that lives, and by another soon after it died', async () => {
  await revocable()
  const fenced: string[] = []
  const times = { fenceTurnMs: 600, fenceAgainMs: 60_000 }
  const die = startServer(times, store, () => {
    fenced.push('first')
    return new Promise(() => {})
  })
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  startWorker('wrk_heir')
  await eventually(() => fenced.length === 1)
  startServer(times, store, async () => void fenced.push('second'))
  // Its turn would be over three times.
  await new Promise((resolve) => setTimeout(resolve, 2000))
  expect(fenced).toEqual(['first'])
  die()
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(fenced).toEqual(['first', 'second'])
})

test.each<readonly [string, Fence, string]>([
  ['cannot be proven', () => Promise.reject(new TelpherError('target_unreachable', 'the API server is away')), 'the API server is away'],
  ['is never answered', () => new Promise(() => {}), 'no server said that it is'],
])('a fence that %s leaves it at the claim, which has run out, and says so', async (_, fence, why) => {
  await revocable()
  startServer({ fencePatienceMs: 600, fenceAgainMs: 10_000 }, store, fence)
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  startWorker('wrk_heir')
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(await noticesOf(job)).toEqual([
    `worker wrk_dead is no longer heard, its credential could not be revoked (${why}): attempt 2 begins`,
  ])
})

test('without a worker in the pool a fence waits for one, however long', async () => {
  await revocable()
  let fences = 0
  startServer({ fencePatienceMs: 1500 }, store, async () => void fences++)
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy()
  await eventually(() => dead.isDead())
  await new Promise((resolve) => setTimeout(resolve, limits.deadAfterMs + 2000))
  expect(await store.jobs.get(job)).toMatchObject({ status: 'preparing', attempt: 1 })
  expect(fences).toBe(0)
  startWorker('wrk_heir')
  expect(await ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect(fences).toBe(1)
})

test.each<readonly [string, number | undefined, (job: Job) => Promise<unknown>, Partial<Job>]>([
  ['was cancelled', undefined, (job) => store.jobs.apply(job, { type: 'cancel', force: true }), { status: 'cancelled' }],
  ['is over its total deadline', 5, async () => {}, { status: 'timed_out' }],
])('without a worker in the pool a job that %s ends, although its fence waits', async (_, deadlineSeconds, end, expected) => {
  await revocable()
  let fences = 0
  startServer({ fencePatienceMs: 600 }, store, async () => void fences++)
  const dead = startWorker('wrk_dead', { dies: () => ({ openWrites: 0 }) })
  const job = await deploy(deadlineSeconds)
  await eventually(() => dead.isDead())
  await end(job)
  const after = await ended(job)
  expect(after).toMatchObject({ ...expected, attempt: 1 })
  expect(after.losses).toMatchObject([
    { because: 'worker wrk_dead is no longer heard, its credential could not be revoked (no worker of its pool is alive)' },
  ])
  expect(fences).toBe(0)
  await eventually(async () => (await store.deployments.get(job.deploymentId)).deployment.state === 'finished')
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
  const end = await ended(job)
  expect(end).toMatchObject({ status: 'errored', attempt: 3, end: { code: 'start_cap' } })
  expect(end.losses).toMatchObject([1, 2, 3].map((attempt) => ({ attempt, worker: `wrk_${attempt}`, openWrites: 0, writes: 0, wrote: [] })))
  for (const { at, heardAt = 0 } of end.losses ?? []) expect(at - heardAt).toBeGreaterThanOrEqual(limits.deadAfterMs)
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
  // Long enough for a few looks of a busy machine before silence counts again.
  const deadAfterMs = 3000
  let looks = 0
  const now = async (): Promise<number> => {
    const answer = await store.workers.now()
    looks++
    return answer
  }
  startServer({ deadAfterMs }, { ...store, workers: { ...store.workers, now } })
  const job = await deploy()
  await eventually(async () => (await store.jobs.get(job)).status === 'admitted')
  const { job: started } = await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  const beat = () => store.workers.beat(sampleWorker('wrk_a', { attempts: [{ ...started, attempt: 1, openWrites: 0 }] }))
  await beat()
  if (outage === 'kill') await redis.kill()
  else await redis.freeze()
  // Longer than a worker may be silent.
  await new Promise((resolve) => setTimeout(resolve, 2 * deadAfterMs))
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
