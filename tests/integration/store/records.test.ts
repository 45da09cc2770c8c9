import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LedgerEntry } from '../../../src/model/ledger.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { packagesOf, storePackage } from '../../support/packages.ts'
import { applyStep, sampleEntry, sampleRequest, sampleSealed, sampleTarget, sampleWorker } from '../../support/samples.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const entry = (attempt: number, n: number): LedgerEntry =>
  sampleEntry({ attempt, n, group: 'apps', resource: 'deployments', ms: 3, credentialId: 'acc_a' })

test('keeps what an attempt was given until it is removed or dead, and what came of fencing it', async () => {
  const [attempt, other] = [1, 2].map((number) => ({ deploymentId: 'dep_1', jobId: 'job_1', attempt: number }))
  await store.grants.put(attempt!, sampleSealed('grant'), 60_000)
  await store.grants.put(other!, sampleSealed('another'), 1)
  expect(await store.grants.get(attempt!)).toEqual(sampleSealed('grant'))
  await eventually(async () => (await store.grants.get(other!)) === undefined)
  await store.grants.remove(attempt!)
  expect(await store.grants.get(attempt!)).toBeUndefined()
  expect(await store.grants.outcome(attempt!)).toBeUndefined()
  await store.grants.fenced(attempt!, { refused: false, because: 'it is away' })
  expect(await store.grants.outcome(attempt!)).toEqual({ refused: false, because: 'it is away' })
  expect(await store.grants.outcome(other!)).toBeUndefined()
})

test('one in a time is told to sweep a target', async () => {
  expect(await Promise.all([1, 2, 3].map(() => store.grants.sweepTurn('one', 300)))).toEqual([true, false, false])
  expect(await store.grants.sweepTurn('two', 300)).toBe(true)
  await eventually(() => store.grants.sweepTurn('one', 300))
})

test('keeps targets with their sealed accounts', async () => {
  const target = sampleTarget('one')
  await store.targets.create(target, sampleSealed('acc_one'))
  await store.targets.create(target, sampleSealed('acc_one'))
  await expect(store.targets.create(sampleTarget('one', { server: 'https://other' }), sampleSealed('acc_x'))).rejects.toMatchObject({
    code: 'target_exists',
  })
  await store.targets.create(sampleTarget('another'), sampleSealed('acc_another'))
  expect(await store.targets.get('one')).toEqual(target)
  expect((await store.targets.list()).map(({ name }) => name)).toEqual(['another', 'one'])
  expect(await store.accounts.get('acc_one')).toEqual(sampleSealed('acc_one'))
  await store.targets.remove('another')
  await expect(store.targets.get('another')).rejects.toMatchObject({ code: 'unknown_target' })
  await expect(store.targets.remove('another')).rejects.toMatchObject({ code: 'unknown_target' })
  await expect(store.accounts.get('acc_another')).rejects.toMatchObject({ code: 'unknown_target' })
})

test('does not remove a target that an active deployment names', async () => {
  await store.targets.create(sampleTarget('busy'), sampleSealed('acc_busy'))
  const { deployment, jobs } = expand(sampleRequest([applyStep('s')], ['busy']), [sampleTarget('busy')], Date.now())
  await store.deployments.create(deployment, jobs)
  await expect(store.targets.remove('busy')).rejects.toMatchObject({ code: 'target_in_use' })
  await store.deployments.advance(deployment.id, 'pending', 'finished', { result: 'success' })
  await store.targets.remove('busy')
})

test('keeps packages sealed, and notices a damaged one', async () => {
  const bytes = randomBytes(2_500_000)
  const { sha256, size } = await storePackage(store, bytes)
  expect(size).toBe(bytes.length)
  expect(await storePackage(store, bytes)).toEqual({ sha256, size })
  expect(await store.packages.has(sha256)).toBe(true)
  expect((await packagesOf(store).read(sha256)).equals(bytes)).toBe(true)
  expect(Number(await redis.ask('TTL', `tel:{pkg:${sha256}}`))).toBeGreaterThan(29 * 86_400)
  await redis.ask('HSET', `tel:{pkg:${sha256}}`, '1', 'damaged')
  await expect(store.packages.get(sha256)).rejects.toMatchObject({ code: 'package_missing' })
  expect(await store.packages.has(sha256)).toBe(false)
  const empty = await storePackage(store, new Uint8Array())
  expect((await packagesOf(store).read(empty.sha256)).length).toBe(0)
  await expect(storePackage(store, new Uint8Array(64 * 1024 * 1024 + 1))).rejects.toMatchObject({ code: 'package_too_large' })
})

test('answers a request that is sent again as it did the first time', async () => {
  const { idempotency } = store
  expect(await idempotency.begin('k', 'h1')).toEqual({ state: 'new' })
  await expect(idempotency.begin('k', 'h1')).rejects.toMatchObject({ code: 'idempotency_in_flight' })
  await expect(idempotency.begin('k', 'h2')).rejects.toMatchObject({ code: 'idempotency_mismatch' })
  await idempotency.finish('k', 201, '{"id":"x"}')
  expect(await idempotency.begin('k', 'h1')).toEqual({ state: 'done', status: 201, body: '{"id":"x"}' })
  await expect(idempotency.begin('k', 'h2')).rejects.toMatchObject({ code: 'idempotency_mismatch' })
  await idempotency.forget('k')
  expect(await idempotency.begin('k', 'h2')).toEqual({ state: 'new' })
})

test('keeps the report of a check', async () => {
  expect(await store.checks.get('chk_1')).toBeUndefined()
  const report = { target: 't', ok: true, at: 1, worker: 'w', lines: [] }
  await store.checks.put('chk_1', report)
  expect(await store.checks.get('chk_1')).toEqual(report)
})

test('knows when each worker was last heard', async () => {
  const before = await store.workers.now()
  await store.workers.beat(sampleWorker('wrk_1'))
  await store.workers.beat(sampleWorker('wrk_2', { state: 'draining' }))
  const seen = await store.workers.list()
  expect(seen.map(({ id, state }) => [id, state])).toEqual([
    ['wrk_1', 'available'],
    ['wrk_2', 'draining'],
  ])
  expect(seen.every(({ seenAt }) => seenAt >= before)).toBe(true)
  await store.workers.remove('wrk_1')
  expect((await store.workers.list()).map(({ id }) => id)).toEqual(['wrk_2'])
})

test('forgets workers that were not heard for long', async () => {
  const short = await openStore({ url: redis.url, limits: { workerMs: 0 } })
  await short.workers.beat(sampleWorker('wrk_3'))
  expect(await short.workers.list()).toEqual([])
  await short.close()
})

test('keeps each entry of a ledger once, in order', async () => {
  const ledger = store.ledger({ deploymentId: 'dep_l', jobId: 'job_l' })
  await ledger.append([entry(1, 2), entry(1, 1)])
  await ledger.append([entry(2, 1), entry(1, 2)])
  await ledger.append([])
  expect((await ledger.read()).map(({ attempt, n }) => [attempt, n])).toEqual([
    [1, 1],
    [1, 2],
    [2, 1],
  ])
})

test('lets nothing of a finished deployment stay for ever', async () => {
  await redis.ask('FLUSHALL')
  const { deployment, jobs } = expand(sampleRequest([applyStep('s')], ['t']), [sampleTarget('t')], Date.now())
  const job = jobs[0]!
  await store.deployments.create(deployment, jobs)
  await store.locks.update(job.lock, (lock) => ({ ...lock, holder: { ...job, step: 's', since: 1 } }))
  await store.jobs.apply(job, { type: 'admit' })
  await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  await store.claims.renew(job, 1, 'wrk_a')
  store.events(deployment.id).emit({ type: 'notice', at: 1, level: 'info', message: 'm' })
  await store.logs(job).append([{ stream: 'stdout', text: 'a line', at: 1 }])
  await store.logs(job).end()
  await store.ledger(job).append([entry(1, 1)])
  await store.jobs.apply(job, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } })
  await store.jobs.settle(job)
  await store.locks.update(job.lock, () => ({ queue: [] }))
  await storePackage(store, Buffer.from('p'))
  await store.deployments.advance(deployment.id, 'pending', 'finished', { result: 'success' })
  const events = store.events(deployment.id)
  events.emit({ type: 'notice', at: 1, level: 'info', message: 'late' })
  await events.flush()
  const keys = (await redis.ask('KEYS', '*')).toSorted()
  const lasting: string[] = []
  for (const key of keys) if (Number(await redis.ask('TTL', key)) < 0) lasting.push(key)
  // The lists are swept, the wakes are bounded, and a server records what is due.
  expect(lasting).toEqual(['tel:{audit}:due', 'tel:{index}:deployments', 'tel:{packages}:index', 'tel:{wake}:deployments'])
  expect(keys.length).toBeGreaterThan(8)
})
