import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { newId } from '../../../src/model/ids.ts'
import { retriesSchema } from '../../../src/model/retry.ts'
import type { JobEnd } from '../../../src/model/states.ts'
import type { Step } from '../../../src/model/step.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, startScheduler, startWatchdog } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker, type Witness } from '../../support/simworker.ts'

let redis: OwnRedis
let witness: Witness
const closing: (() => Promise<unknown>)[] = []
let store: Store
beforeEach(async () => {
  redis = await startOwnRedis()
  witness = createWitness()
  store = (await startServer()).store
  await startServer()
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  await redis.stop()
})

/** Two of them are there: nothing may happen twice. */
const startServer = async (): Promise<{ store: Store; queue: Queue }> => {
  const [store, queue] = [await openStore({ url: redis.url }), openQueue({ url: redis.url })]
  const ending = new AbortController()
  const shared = { store, queue, log: () => {}, signal: ending.signal }
  const scheduler = startScheduler({ ...shared, times: { sweepMs: 100, lookAfterMs: 2000, takenMs: 4000 } })
  const watchdog = startWatchdog({
    fence: async () => {},
    ...shared,
    limits: { deadAfterMs: 3000, claimMs: 1000, writeLimitMs: 1000, lookMs: 300 },
  })
  closing.push(async () => {
    ending.abort()
    await Promise.all([scheduler.stopped, watchdog.stopped])
    await Promise.all([store.close(), queue.close()])
  })
  return { store, queue }
}

const startWorker = (options: Partial<Parameters<typeof startSimWorker>[0]>): void => {
  const worker = startSimWorker({ id: newId('wrk'), url: redis.url, store, witness, ...options })
  closing.push(() => worker.stop())
}

const unreachable: JobEnd = { status: 'errored', code: 'target_unreachable', sentence: 'nobody answers at t1' }
const done: JobEnd = { status: 'succeeded', sentence: 'done' }

/** A step that is tried again after a tenth of a second, which people cannot ask for. */
const impatient = (max: number, name = 'web'): Step => ({
  ...applyStep(name),
  retries: { ...retriesSchema.parse({ max }), backoffSeconds: 0.1 },
})

const begin = async (...steps: Step[]): Promise<string> => {
  const { deployment, jobs } = expand(sampleRequest(steps, ['t1']), [sampleTarget('t1')], Date.now())
  await store.deployments.create(deployment, jobs)
  return deployment.id
}
const jobOf = async (id: string): Promise<Job> => {
  const [job] = (await store.deployments.get(id)).jobs
  if (job === undefined) throw new Error('no job')
  return job
}
const ended = async (id: string) => {
  await eventually(async () => (await store.deployments.get(id)).deployment.state === 'finished', 20_000)
  return store.deployments.get(id)
}

test('a job that meets trouble with its target is tried again until it succeeds; each attempt is told with its end', async () => {
  startWorker({ ends: ({ attempt, step }) => (step.retries !== undefined && attempt < 3 ? unreachable : done) })
  const id = await begin(impatient(3), applyStep('after'))
  const { deployment, jobs } = await ended(id)
  expect(deployment.result).toBe('success')
  expect(jobs.map(({ attempt, retries, status }) => [attempt, retries, status])).toEqual([
    [3, 2, 'succeeded'],
    [1, undefined, 'succeeded'],
  ])
  expect(jobs[0]).not.toHaveProperty('notBefore')
  const events = await collect(store.events(id).read({ follow: false }))
  const again = events.flatMap((event) => (event.type === 'job' && event.to === 'admitted' && event.from === 'verifying' ? [event] : []))
  expect(again.map(({ attempt, sentence, code }) => [attempt, sentence, code])).toEqual([
    [1, unreachable.sentence, 'target_unreachable'],
    [2, unreachable.sentence, 'target_unreachable'],
  ])
  const waits = events.flatMap((event) => (event.type === 'waiting' && event.reason.startsWith('retry') ? [event.reason] : []))
  expect(waits).toEqual([
    expect.stringMatching(/^retry 1 of 3 at 20.*Z; the last attempt: nobody answers at t1$/),
    expect.stringMatching(/^retry 2 of 3/),
  ])
  expect(witness.violations).toEqual([])
})

test('the last attempt’s end is that of the job, and what is not to be tried again ends at once', async () => {
  startWorker({ ends: ({ step }) => (step.name === 'web' ? unreachable : { status: 'failed', code: 'verify_failed', sentence: 'broken' }) })
  const [tried, failed] = [await begin(impatient(2)), await begin(impatient(2, 'other'))]
  expect((await ended(tried)).jobs.map(({ attempt, end }) => [attempt, end])).toEqual([[3, unreachable]])
  expect((await ended(failed)).jobs.map(({ attempt, status }) => [attempt, status])).toEqual([[1, 'failed']])
})

test('its lock stays with it: another deployment of the same objects waits until the last attempt has ended', async () => {
  const order: string[] = []
  startWorker({
    ends: ({ attempt, step }) => (step.retries !== undefined && attempt < 3 ? unreachable : done),
    work: async ({ deploymentId }) => void order.push(deploymentId),
  })
  const first = await begin(impatient(3))
  await eventually(async () => (await jobOf(first)).status !== 'pending')
  const second = await begin(applyStep('web'))
  await Promise.all([ended(first), ended(second)])
  expect(order).toEqual([first, first, first, second])
})

test('cancelled while it waits for its next attempt it ends at once, and no attempt follows', async () => {
  startWorker({ ends: () => unreachable })
  const id = await begin({ ...applyStep('web'), retries: { max: 3, on: ['target'], backoffSeconds: 60 } })
  await eventually(async () => (await jobOf(id)).notBefore !== undefined)
  expect((await jobOf(id)).waitsFor).toMatch(/^retry 1 of 3/)
  await store.jobs.apply(await jobOf(id), { type: 'cancel' })
  const { deployment, jobs } = await ended(id)
  expect([deployment.result, jobs[0]?.attempt]).toEqual(['cancellation', 1])
})

test('attempts that were asked for do not count against the cap of lost ones, and a worker that is lost does not count as a retry', async () => {
  const lost = new Set<string>()
  startWorker({
    id: 'wrk_mortal',
    ends: () => unreachable,
    drops: ({ attempt, jobId }) => attempt === 3 && !lost.has(jobId) && lost.add(jobId) !== undefined,
  })
  const id = await begin(impatient(4))
  const { jobs } = await ended(id)
  expect(jobs.map(({ attempt, retries, status }) => [attempt, retries, status])).toEqual([[6, 4, 'errored']])
})
