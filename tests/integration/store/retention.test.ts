import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../../src/model/ids.ts'
import type { Target } from '../../../src/model/target.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, startScheduler } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { ruleOf } from '../../../src/store/retention.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { storePackage } from '../../support/packages.ts'
import { applyStep, sampleEntry, sampleRequest, sampleSealed, sampleTarget } from '../../support/samples.ts'
import { sampleSigner } from '../../support/samplesigner.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

const dayMs = 86_400_000

let redis: OwnRedis
let store: Store
let queue: Queue
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
  queue = openQueue({ url: redis.url })
})
afterAll(async () => {
  await queue.close()
  await store.close()
  await redis.stop()
})

const keys = async (pattern = '*'): Promise<string[]> => (await redis.ask('KEYS', pattern)).filter((key) => !/^\*\d+$/.test(key))

/** A deployment of one job, as its creator stores it. */
const created = async (options: { readonly at?: number; readonly sha256?: string; readonly where?: Store } = {}): Promise<string> => {
  const step = { ...applyStep('web'), ...(options.sha256 === undefined ? {} : { package: options.sha256 }) }
  const { deployment, jobs } = expand(sampleRequest([step], ['t1']), [sampleTarget('t1')], options.at ?? Date.now())
  await (options.where ?? store).deployments.create(deployment, jobs)
  return deployment.id
}

/** One that has run to its end, with a log and a ledger. */
const ended = async (options: { readonly at?: number; readonly sha256?: string; readonly where?: Store } = {}): Promise<string> => {
  const where = options.where ?? store
  const id = await created(options)
  for (const job of (await where.deployments.get(id)).jobs) {
    await where.logs(job).append([{ stream: 'stdout', text: 'one line', at: 1 }])
    await where.ledger(job).append([sampleEntry()])
    await where.jobs.settle(job)
  }
  await where.deployments.advance(id, 'pending', 'finished', { result: 'success', endedAt: options.at ?? Date.now() })
  await where.audit.seal('srv', sampleSigner)
  return id
}

test('every key that deployments leave behind is in the table, and has a TTL or a bound', async () => {
  const targets: Target[] = [sampleTarget('one'), sampleTarget('two')]
  for (const target of targets) await store.targets.create(target, sampleSealed(target.account.id))
  const { sha256 } = await storePackage(store, randomBytes(2_000_000))
  const step = (name: string) => ({ ...applyStep(name), package: sha256 })
  const stop = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: stop.signal })
  const worker = startSimWorker({
    id: newId('wrk'),
    url: redis.url,
    store,
    witness: createWitness(),
    work: async (job) => {
      const log = store.logs(job)
      await log.append([{ stream: 'stdout', text: 'x'.repeat(1000), at: 1 }])
      await log.end()
      await store.ledger(job).append([sampleEntry()])
      const events = store.events(job.deploymentId)
      events.emit({ type: 'progress', at: 1, jobId: job.jobId, objects: [] })
      await events.flush()
    },
    ends: (job) => (job.target === 'two' ? { status: 'failed', sentence: 'no' } : { status: 'succeeded', sentence: 'yes' }),
  })
  for (let index = 0; index < 10; index++) {
    const { deployment, jobs } = expand(sampleRequest([step('a'), step('b')], ['one', 'two']), targets, Date.now())
    await store.deployments.create(deployment, jobs)
  }
  await store.checks.put(newId('chk'), { target: 'one', ok: true, at: 1, worker: 'w', lines: [] })
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 1 }
  await store.grants.put(attempt, sampleSealed('grant'), 60_000)
  await store.grants.fenced(attempt, { refused: true })
  await store.grants.sweepTurn('one', 60_000)
  await store.idempotency.begin('k1', 'h')
  await store.idempotency.begin('k2', 'h')
  await store.idempotency.finish('k2', 202, '{}')
  await store.installation()
  await eventually(async () => (await store.deployments.active()).length === 0, 60_000)
  stop.abort()
  await scheduler.stopped
  await worker.stop()

  const found = await keys()
  expect(found.length).toBeGreaterThan(60)
  for (const key of found) {
    const rule = ruleOf(key)
    expect(rule, key).toBeDefined()
    if (rule?.goes === 'expires') expect(Number(await redis.ask('PTTL', key)), key).toBeGreaterThan(0)
  }
  // Nothing of the queue but BullMQ's own few: no item, no result, no lock of one.
  const queued = (await keys('{tel-pool-*')).map((key) => key.slice(key.indexOf(':jobs:') + 6))
  expect(queued.filter((name) => !['meta', 'events', 'id', 'marker', 'stalled-check'].includes(name))).toEqual([])
  expect(Number(await redis.ask('XLEN', '{tel-pool-default}:jobs:events'))).toBeLessThan(300)
  expect(await keys('*:lock:*')).toEqual([])
})

test('removes what is too old with everything of it, and never what has not finished', async () => {
  const old = Date.now() - 100 * dayMs
  const [gone, running, kept] = [await ended({ at: old }), await created({ at: old }), await ended()]
  expect((await keys(`*${gone}*`)).length).toBeGreaterThanOrEqual(6)
  const active = await keys(`*${running}*`)
  expect(await store.sweep.deployments()).toBe(1)
  expect(await store.sweep.deployments()).toBe(0)
  expect(await keys(`*${gone}*`)).toEqual([])
  expect(await keys(`*${running}*`)).toEqual(active)
  await expect(store.deployments.get(gone)).rejects.toMatchObject({ code: 'unknown_deployment' })
  const listed = (await store.deployments.list({ limit: 100 })).deployments.map(({ id }) => id)
  expect(listed).toContain(kept)
  expect(listed).toContain(running)
  expect(listed).not.toContain(gone)
  await store.deployments.advance(running, 'pending', 'finished', { result: 'success', endedAt: Date.now() })
})

test('one that began long ago and ended lately is kept', async () => {
  const id = await created({ at: Date.now() - 100 * dayMs })
  await store.deployments.advance(id, 'pending', 'finished', { result: 'success', endedAt: Date.now() - dayMs })
  await store.sweep.deployments()
  expect((await store.deployments.get(id)).deployment.result).toBe('success')
})

test('what is written after the removal comes back as nothing', async () => {
  const id = await ended({ at: Date.now() - 100 * dayMs })
  const [job] = (await store.deployments.get(id)).jobs
  if (job === undefined) throw new Error('no job')
  await store.sweep.deployments()
  await store.jobs.settle(job)
  await store.events(id).flush()
  expect(await keys(`*${id}*`)).toEqual([])
})

test('keeps so many, the newest, with two servers at it at once', async () => {
  const few = await openStore({ url: redis.url, limits: { deployments: 5 } })
  const other = await openStore({ url: redis.url, limits: { deployments: 5 } })
  const running = await created({ at: Date.now() - 50 * dayMs })
  const ids: string[] = []
  for (let index = 0; index < 30; index++) ids.push(await ended({ at: Date.now() + index }))
  await Promise.all([few.sweep.deployments(), other.sweep.deployments()])
  await few.sweep.deployments()
  const left = (await store.deployments.list({ limit: 100 })).deployments.map(({ id }) => id)
  expect(left.toSorted()).toEqual([running, ...ids.slice(-5)].toSorted())
  for (const id of ids.slice(0, -5)) expect(await keys(`*${id}*`)).toEqual([])
  await store.deployments.advance(running, 'pending', 'finished', { result: 'success' })
  await few.close()
  await other.close()
})

test('completes what a sweep that was cut left', async () => {
  const id = await ended({ at: Date.now() - 100 * dayMs })
  const [job] = (await store.deployments.get(id)).jobs
  // The log is gone, the record is not; and of another one all is gone but its place in the index.
  await redis.ask('DEL', `tel:{${id}}:log:${job?.jobId}`, `tel:{${id}}:log-head:${job?.jobId}`)
  const half = await ended({ at: Date.now() - 100 * dayMs })
  await redis.ask('DEL', ...(await keys(`*${half}*`)))
  expect(await store.sweep.deployments()).toBe(2)
  expect([...(await keys(`*${id}*`)), ...(await keys(`*${half}*`))]).toEqual([])
  expect((await redis.ask('ZRANGE', 'tel:{index}:deployments', '0', '-1')).filter((text) => text === id || text === half)).toEqual([])
})

test('removes packages that no kept deployment refers to, after their grace', async () => {
  const swift = await openStore({ url: redis.url, limits: { packageGraceMs: 0 } })
  const [kept, free, fresh] = [await storePackage(store, randomBytes(100)), await storePackage(store, randomBytes(100)), randomBytes(100)]
  await ended({ sha256: kept.sha256 })
  const { sha256: uploaded } = await storePackage(store, fresh)
  // With the usual grace an upload that nothing refers to is safe.
  expect(await store.sweep.packages()).toBe(0)
  let removed = 0
  await eventually(async () => {
    removed += await swift.sweep.packages()
    return removed >= 2
  })
  expect(await redis.ask('EXISTS', `tel:{pkg:${kept.sha256}}`)).toEqual(['1'])
  for (const sha256 of [free.sha256, uploaded]) {
    expect(await store.packages.has(sha256)).toBe(false)
    expect(await redis.ask('ZSCORE', 'tel:{packages}:index', sha256)).toEqual([])
  }
  await storePackage(store, fresh)
  expect(await store.packages.has(uploaded)).toBe(true)
  await swift.close()
})

test('an upload that is being referred to outlives every sweep that runs meanwhile', async () => {
  const graceMs = 1500
  const swift = await openStore({ url: redis.url, limits: { packageGraceMs: graceMs } })
  let isOver = false
  const sweeping = (async () => {
    while (!isOver) await swift.sweep.packages()
  })()
  // Each package is at the end of its grace when somebody asks for it and then deploys it: as the server does.
  const deployed: string[] = []
  let refused = 0
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const { sha256 } = await storePackage(store, Buffer.from(`package ${index}`))
      await new Promise((resolve) => setTimeout(resolve, graceMs - 300 + index * 30))
      if (await store.packages.has(sha256)) {
        await ended({ sha256 })
        deployed.push(sha256)
      } else refused++
    }),
  )
  for (let round = 0; round < 3; round++) await swift.sweep.packages()
  isOver = true
  await sweeping
  expect(deployed.length).toBeGreaterThan(5)
  expect(refused).toBeGreaterThan(5)
  for (const sha256 of deployed) expect((await store.packages.get(sha256)).size).toBeGreaterThan(0)
  await swift.close()
})
