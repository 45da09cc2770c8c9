import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import type { Log } from '../../../src/log.ts'
import { accountState } from '../../../src/model/account.ts'
import type { Job } from '../../../src/model/deployment.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { startServer } from '../../../src/server/main.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { countChange } from '../../../src/telemetry/changes.ts'
import { createRegistry } from '../../../src/telemetry/registry.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { type Family, readMetrics, sampleOf } from '../../support/promcheck.ts'
import { applyStep, sampleRequest, sampleSealed, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

let redis: OwnRedis
let dir: string
const closing: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis()
  dir = await mkdtemp(join(tmpdir(), 'telpher-metrics-'))
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  await redis.stop()
  await rm(dir, { recursive: true, force: true })
})

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent }

/** @returns scrapes the server with its token */
const startScraped = async (): Promise<() => Promise<readonly Family[]>> => {
  const server = await startServer(loadConfig({ TELPHER_REDIS_URL: redis.url, TELPHER_DATA_DIR: dir, TELPHER_PORT: '0' }), silent)
  closing.push(() => server.close())
  const token = (await readFile(join(dir, 'token'), 'utf8')).trim()
  return async () => {
    const answer = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
    const { families, problems } = await readMetrics(await answer.text())
    expect(problems).toEqual([])
    return families
  }
}

const openOwn = async (onChange: ReturnType<typeof countChange>): Promise<Store> => {
  const store = await openStore({ url: redis.url, onChange })
  closing.push(() => store.close())
  return store
}

test('what happens once is counted once, by whichever of several servers and workers did it, and gauges tell the same at each', async () => {
  const scrapes = [await startScraped(), await startScraped()] as const
  const registry = createRegistry('worker')
  const store = await openOwn(countChange(registry))
  const targets = ['one', 'two'].map((name) => sampleTarget(name))
  const expiring = sampleTarget('one', {
    account: { id: 'acc_one', mode: 'client-certificate', fingerprint: '00', expiresAt: 1_900_000_000_000 },
  })
  for (const target of [expiring, sampleTarget('two')]) await store.targets.create(target, sampleSealed(target.account.id))
  const waiting: (() => void)[] = []
  let isOpen = false
  const worker = startSimWorker({
    id: 'wrk_1',
    url: redis.url,
    store,
    witness: createWitness(),
    concurrency: 1,
    ends: ({ step }: Job) =>
      step.name === 'bad' ? { status: 'failed', sentence: 'no', code: 'verify_failed' } : { status: 'succeeded', sentence: 'done' },
    work: async () => {
      if (!isOpen) await new Promise<void>((resolve) => waiting.push(resolve))
    },
  })
  closing.push(() => worker.stop())
  const runs = Array.from({ length: 9 }, (_, index) => {
    const name = index < 3 ? 'bad' : `good${index}`
    return expand(
      sampleRequest([applyStep(name)], index < 3 ? ['one', 'two'] : ['one']),
      index < 3 ? targets : targets.slice(0, 1),
      Date.now(),
    )
  })
  for (const { deployment, jobs } of runs) await store.deployments.create(deployment, jobs)
  const full = await eventually(async () => {
    const families = await scrapes[0]()
    return (sampleOf(families, 'telpher_queue_oldest_wait_seconds', { pool: 'default' }) ?? 0) > 0 && families
  }, 30_000)
  expect(sampleOf(full, 'telpher_queue_depth', { pool: 'default' })).toBeGreaterThan(0)
  expect(sampleOf(full, 'telpher_targets', { pool: 'default' })).toBe(2)
  expect(sampleOf(full, 'telpher_credential_expires_timestamp_seconds', { target: 'one' })).toBe(1_900_000_000)
  expect(sampleOf(full, 'telpher_credential_expires_timestamp_seconds', { target: 'two' })).toBeUndefined()
  expect(sampleOf(full, 'telpher_redis_up')).toBe(1)
  const busy = await eventually(async () => {
    const families = await scrapes[1]()
    return sampleOf(families, 'telpher_slots', { pool: 'default', state: 'busy' }) === 1 && families
  }, 30_000)
  expect(sampleOf(busy, 'telpher_slots', { pool: 'default', state: 'free' })).toBe(0)
  expect(
    ['available', 'busy', 'draining', 'offline'].map((state) => sampleOf(busy, 'telpher_workers', { pool: 'default', state })),
  ).toHaveLength(4)

  // One is ended by whoever is asked to, before a worker had it: that process counts its job.
  const last = runs.at(-1)
  const cancelled = await Promise.all((last?.jobs ?? []).map((job) => store.jobs.apply(job, { type: 'cancel' })))
  expect(cancelled.map(({ job }) => job.status)).toEqual(['cancelled'])
  isOpen = true
  for (const go of waiting) go()
  const sum = async (name: string, labels: Record<string, string>): Promise<number> => {
    const own = (await readMetrics(registry.text())).families
    const all = [own, ...(await Promise.all(scrapes.map((scrape) => scrape())))]
    return all.reduce((total, families) => total + (sampleOf(families, name, labels) ?? 0), 0)
  }
  await eventually(async () => (await store.deployments.active()).length === 0, 60_000)
  await eventually(async () => (await sum('telpher_runs_total', { result: 'success' })) === 5)
  expect(await sum('telpher_runs_total', { result: 'failure' })).toBe(3)
  expect(await sum('telpher_runs_total', { result: 'cancellation' })).toBe(1)
  expect(await sum('telpher_run_duration_seconds', { phase: 'pending' })).toBe(9)
  expect(await sum('telpher_jobs_total', { result: 'success' })).toBe(5)
  expect(await sum('telpher_jobs_total', { result: 'failure' })).toBe(6)
  expect(await sum('telpher_jobs_total', { result: 'cancellation' })).toBe(1)
  expect(await sum('telpher_job_queue_wait_seconds', { pool: 'default' })).toBe(11)
  const calm = await eventually(async () => {
    const families = await scrapes[1]()
    return sampleOf(families, 'telpher_queue_oldest_wait_seconds', { pool: 'default' }) === 0 && families
  })
  expect(sampleOf(calm, 'telpher_queue_depth', { pool: 'default' })).toBe(0)
})

test('while Redis is away a server tells of itself, and nothing that it would have read there', async () => {
  const scrape = await startScraped()
  await eventually(async () => sampleOf(await scrape(), 'telpher_redis_used_bytes', { redis: 'store' }) !== undefined)
  await redis.kill()
  const families = await scrape()
  expect(sampleOf(families, 'telpher_redis_up')).toBe(0)
  expect(sampleOf(families, 'telpher_redis_used_bytes', { redis: 'store' })).toBeUndefined()
  expect(sampleOf(families, 'telpher_build_info', { process: 'server' })).toBe(1)
  await redis.start()
  await eventually(async () => {
    const again = await scrape()
    return sampleOf(again, 'telpher_redis_up') === 1 && (sampleOf(again, 'telpher_redis_reconnects_total') ?? 0) > 0
  }, 30_000)
})

test('each target has what is known of it and of its account, by what was tried, rotated and recorded', async () => {
  const scrape = await startScraped()
  const store = await openOwn(() => {})
  const now = Date.now()
  const target = sampleTarget('shop', {
    createdAt: now - 1000,
    account: { id: 'acc_shop', mode: 'token-request', fingerprint: '00', issuedAt: now - 10_000, expiresAt: now - 1000 },
  })
  await store.targets.create(target, sampleSealed(target.account.id))
  await store.targets.create(sampleTarget('quiet'), sampleSealed('acc_quiet'))
  await store.health.put('shop', {
    of: target.createdAt,
    askedAt: now,
    dueAt: now + 300_000,
    health: { state: 'down', since: now, checkedAt: now, sentence: 'tls: no' },
  })
  const call = {
    target: 'shop',
    group: '',
    version: 'v1',
    resource: 'secrets',
    verb: 'create',
    dryRun: false,
    ms: 1,
    credentialId: 'jti-1',
    auditId: 'aud-1',
  } as const
  const write = { ...call, type: 'write', who: 'api', deploymentId: 'dep_1', jobId: 'job_1', attempt: 3, code: 201 } as const
  await store.audit.append(
    { ...call, type: 'call', who: 'server', at: now - 5000, code: 201 },
    { ...call, type: 'call', who: 'server', at: now - 1, code: 401 },
    { ...write, at: now - 500 },
    { ...write, at: now - 700, attempt: 1 },
    { ...write, at: now - 400, target: 'gone' },
  )
  const families = await eventually(async () => {
    const found = await scrape()
    return sampleOf(found, 'telpher_account_used_timestamp_seconds', { target: 'shop', by: 'job' }) !== undefined && found
  }, 30_000)
  const of = (name: string, labels = {}): number | undefined => sampleOf(families, name, { target: 'shop', ...labels })
  expect(of('telpher_target_up')).toBe(0)
  expect(of('telpher_target_checked_timestamp_seconds')).toBeCloseTo(now / 1000, 2)
  expect(of('telpher_account_used_timestamp_seconds', { by: 'job' })).toBeCloseTo((now - 500) / 1000, 2)
  // It was another target's: this one was made after it.
  expect(of('telpher_account_used_timestamp_seconds', { by: 'server' })).toBeUndefined()
  expect(of('telpher_account_alarms', { level: 'alarm' })).toBeGreaterThan(0)
  expect(of('telpher_account_rotation_since_timestamp_seconds')).toBeGreaterThan(0)
  expect(of('telpher_account_next_rotation_timestamp_seconds')).toBeGreaterThan(0)
  expect(of('telpher_credential_issued_timestamp_seconds')).toBeCloseTo((now - 10_000) / 1000, 2)
  expect(sampleOf(families, 'telpher_targets_omitted')).toBe(0)
  expect(sampleOf(families, 'telpher_target_up', { target: 'quiet' })).toBeUndefined()
  expect(sampleOf(families, 'telpher_account_alarms', { target: 'quiet', level: 'alarm' })).toBe(0)

  const { used } = accountState(target, undefined, now, await store.uses.of(target))
  expect(used).toMatchObject({ job: { deploymentId: 'dep_1', jobId: 'job_1', attempt: 3, auditId: 'aud-1', credentialId: 'jti-1' } })
  await store.targets.remove('shop')
  expect((await store.uses.all())(target)).toEqual({})
})
