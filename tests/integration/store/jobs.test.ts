import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeploymentEvent, Job } from '../../../src/model/deployment.ts'
import { newId } from '../../../src/model/ids.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { indexKeys } from '../../../src/store/keys.ts'
import { collect } from '../../support/collect.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'

let redis: OwnRedis
let store: Store
let other: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
  other = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await other.close()
  await redis.stop()
})

const create = async (): Promise<{ id: string; job: Job }> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('s1'), applyStep('s2')], ['t']), [sampleTarget('t')], Date.now())
  await store.deployments.create(deployment, jobs)
  return { id: deployment.id, job: jobs[0]! }
}
const types = async (id: string): Promise<string[]> =>
  (await collect(store.events(id).read({ follow: false }))).map((event: DeploymentEvent) =>
    event.type === 'job' ? `${event.from}>${event.to}` : event.type,
  )

test('stores a deployment with its jobs and gives it back', async () => {
  const { deployment, jobs } = expand(
    sampleRequest([applyStep('s1'), applyStep('s2')], ['a', 'b']),
    [sampleTarget('a'), sampleTarget('b')],
    Date.now(),
  )
  await store.deployments.create(deployment, jobs)
  const read = await other.deployments.get(deployment.id)
  expect(read.deployment).toEqual(deployment)
  expect(read.jobs).toEqual(jobs)
  expect(await store.deployments.active()).toContain(deployment.id)
  await expect(store.deployments.get('dep_none')).rejects.toMatchObject({ code: 'unknown_deployment' })
  await expect(store.jobs.get({ deploymentId: deployment.id, jobId: 'job_none' })).rejects.toMatchObject({ code: 'unknown_deployment' })
})

test('lists deployments, newest first, page by page', async () => {
  const ids: string[] = []
  for (let index = 0; index < 5; index++) {
    const { deployment, jobs } = expand(sampleRequest([applyStep('s')], ['t']), [sampleTarget('t')], 2_000_000_000_000 + index)
    await store.deployments.create(deployment, jobs)
    ids.unshift(deployment.id)
  }
  const first = await store.deployments.list({ limit: 3 })
  expect(first.deployments.map(({ id }) => id)).toEqual(ids.slice(0, 3))
  const second = await store.deployments.list({ limit: 2, cursor: first.next! })
  expect(second.deployments.map(({ id }) => id)).toEqual(ids.slice(3, 5))
})

test('listing forgets what has expired, and not what is being created', async () => {
  const [expired, begun] = [newId('dep', Date.now() - 86_400_000), newId('dep')]
  await redis.ask('ZADD', indexKeys.deployments, '0', expired, '0', begun)
  const listed = (await store.deployments.list({ limit: 100 })).deployments.map(({ id }) => id)
  expect(listed).not.toContain(expired)
  expect(listed).not.toContain(begun)
  const left = await redis.ask('ZRANGE', indexKeys.deployments, '0', '-1')
  expect(left).toContain(begun)
  expect(left).not.toContain(expired)
})

test('takes a job through its life, with an event for each change', async () => {
  const { id, job } = await create()
  await store.jobs.waiting(job, 'somebody holds it')
  await store.jobs.waiting(job, 'somebody holds it')
  expect((await store.jobs.get(job)).waitsFor).toBe('somebody holds it')
  expect((await store.jobs.apply(job, { type: 'admit' })).job.waitsFor).toBeUndefined()
  const started = await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  expect(started).toMatchObject({ ok: true, job: { status: 'preparing', attempt: 1, worker: 'wrk_a' } })
  expect(started.job.startedAt).toBeTypeOf('number')
  await store.jobs.apply(job, { type: 'run', attempt: 1 })
  await store.jobs.apply(job, { type: 'verify', attempt: 1 })
  const end = { status: 'failed', sentence: 'it crashed', code: 'verify_failed' } as const
  const finished = await store.jobs.apply(job, { type: 'finish', attempt: 1, end }, { notes: ['a note'], objects: [] })
  expect(finished.job).toMatchObject({ status: 'failed', end, objects: [] })
  expect(finished.job.worker).toBeUndefined()
  expect(finished.job.endedAt).toBeTypeOf('number')
  // Told again, after an answer that was lost, it is still done, and no event is added.
  expect((await store.jobs.apply(job, { type: 'finish', attempt: 1, end })).ok).toBe(true)
  expect(await types(id)).toEqual([
    'deployment',
    'waiting',
    'pending>admitted',
    'admitted>preparing',
    'preparing>running',
    'running>verifying',
    'verdict',
    'verifying>failed',
  ])
})

test('refuses a second start and a stale attempt', async () => {
  const { job } = await create()
  await store.jobs.apply(job, { type: 'admit' })
  await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  expect(await other.jobs.apply(job, { type: 'start', worker: 'wrk_b' })).toMatchObject({ ok: false, reason: 'not_allowed' })
  expect(await other.jobs.apply(job, { type: 'run', attempt: 2 })).toMatchObject({ ok: false, reason: 'stale_attempt' })
})

test('lets exactly one of many starts through', async () => {
  const { job } = await create()
  await store.jobs.apply(job, { type: 'admit' })
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? store : other).jobs.apply(job, { type: 'start', worker: `wrk_${index}` })),
  )
  expect(all.filter(({ ok }) => ok)).toHaveLength(1)
  expect((await store.jobs.get(job)).attempt).toBe(1)
})

test('proves a claim to its holder only, by the clock of Redis', async () => {
  const { id, job } = await create()
  expect(await store.claims.renew(job, 0, 'wrk_a')).toEqual({ held: false, cancelRequested: false, cancelForced: false })
  await store.jobs.apply(job, { type: 'admit' })
  await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  const before = await store.workers.now()
  expect(await store.claims.renew(job, 1, 'wrk_a')).toEqual({ held: true, cancelRequested: false, cancelForced: false })
  const snapshot = (await store.deployments.snapshot(id)).jobs.find((entry) => entry.job.jobId === job.jobId)
  expect(snapshot?.renewedAt).toBeGreaterThanOrEqual(before)
  expect(await store.claims.renew(job, 1, 'wrk_b')).toMatchObject({ held: false })
  expect(await store.claims.renew(job, 2, 'wrk_a')).toMatchObject({ held: false })
  await store.jobs.apply(job, { type: 'cancel' })
  expect(await store.claims.renew(job, 1, 'wrk_a')).toEqual({ held: true, cancelRequested: true, cancelForced: false })
  await store.jobs.apply(job, { type: 'requeue', attempt: 1 })
  expect(await store.claims.renew(job, 1, 'wrk_a')).toMatchObject({ held: false })
  expect(await store.claims.renew({ deploymentId: 'dep_none', jobId: 'job_none' }, 1, 'wrk_a')).toMatchObject({ held: false })
})

test('moves a deployment once', async () => {
  const { id } = await create()
  const moved = await Promise.all(
    Array.from({ length: 6 }, (_, index) => (index % 2 ? store : other).deployments.advance(id, 'pending', 'executing', { startedAt: 7 })),
  )
  expect(moved.filter(Boolean)).toHaveLength(1)
  await store.deployments.advance(id, 'executing', 'finished', { result: 'success', endedAt: 9 })
  expect((await store.deployments.get(id)).deployment).toMatchObject({ state: 'finished', result: 'success', startedAt: 7, endedAt: 9 })
  expect(await store.deployments.active()).not.toContain(id)
})
