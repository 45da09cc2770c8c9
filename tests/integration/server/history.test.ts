import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Deployment, Job } from '../../../src/model/deployment.ts'
import { openQueue } from '../../../src/queue/index.ts'
import { startScheduler } from '../../../src/scheduler/index.ts'
import { shapes } from '../../../src/server/shapes.ts'
import { openStore } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'
import { freshName, newTarget, type ServedApi, serveApi, somePackage } from './api.ts'

interface Run {
  readonly deployment: Deployment
  readonly jobs: readonly Job[]
}

/** The real API, scheduler and queue over a Redis of their own, with a worker that only says how jobs end. */
let redis: OwnRedis
let served: ServedApi
const stops: (() => Promise<unknown>)[] = []
/** Steps that fail for now, as `step@target`. */
const failing = new Set<string>()
const ran: string[] = []
const [a, b] = [freshName('a'), freshName('b')]
let packages: string[]

const upload = async (): Promise<string> =>
  ((await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }).sha256

beforeAll(async () => {
  redis = await startOwnRedis()
  served = await serveApi({ redisUrl: redis.url })
  const [store, queue] = [await openStore({ url: redis.url }), openQueue({ url: redis.url })]
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: { sweepMs: 300 } })
  const worker = startSimWorker({
    id: 'wrk_a',
    url: redis.url,
    store,
    witness: createWitness(),
    ends: (job) => {
      const name = `${job.step.name}@${job.target}`
      ran.push(name)
      return failing.has(name)
        ? { status: 'failed', sentence: `${name} is broken`, code: 'verify_failed' }
        : { status: 'succeeded', sentence: 'done' }
    },
  })
  stops.push(async () => {
    await worker.stop()
    ending.abort()
    await scheduler.stopped
    await Promise.all([store.close(), queue.close()])
  })
  await served.call('POST', '/v1/targets', newTarget(a, { tags: ['env=test'], namespace: 'shop' }))
  await served.call('POST', '/v1/targets', newTarget(b, { namespace: 'other' }))
  packages = [await upload(), await upload(), await upload()]
})
afterAll(async () => {
  for (const stop of stops) await stop()
  await served.close()
  await redis.stop()
})

const steps = (): object[] => ['db', 'web', 'smoke'].map((name, index) => ({ kind: 'apply', name, package: packages[index] }))

const endOf = (id: string): Promise<Run> =>
  eventually(async () => {
    const run = (await (await served.call('GET', `/v1/deployments/${id}`)).json()) as Run
    return run.deployment.state === 'finished' && run
  })
const start = async (path: string, body?: object, headers: Record<string, string> = {}): Promise<Run> => {
  const answer = await served.call('POST', path, body, { authorization: `Bearer ${served.token}`, ...headers })
  const run = (await answer.json()) as Run
  expect([answer.status, shapes.run.safeParse(run).error]).toEqual([202, undefined])
  expect(answer.headers.get('location')).toBe(`/v1/deployments/${run.deployment.id}`)
  return run
}
const deploy = async (body: object): Promise<Run> => endOf((await start('/v1/deployments', body)).deployment.id)
const refusal = async (path: string): Promise<[number, string, string]> => {
  const answer = await served.call('POST', path)
  const problem = (await answer.json()) as { name: string; hint: string }
  expect(shapes.problem.safeParse(problem).error).toBeUndefined()
  return [answer.status, problem.name, problem.hint]
}
const list = async (query: string): Promise<{ deployments: Deployment[]; next?: string }> => {
  const answer = await served.call('GET', `/v1/deployments?${query}`)
  const page = (await answer.json()) as { deployments: Deployment[]; next?: string }
  expect([answer.status, shapes.deployments.safeParse(page).error]).toEqual([200, undefined])
  return page
}

describe('retry', () => {
  test('begins on each target from the step that failed, and leaves out the targets that succeeded', async () => {
    failing.add(`web@${b}`)
    const first = await deploy({ name: 'three steps', steps: steps(), targets: [a, b] })
    expect(first.deployment.result).toBe('failure')
    failing.clear()
    ran.length = 0
    const headers = { 'idempotency-key': randomUUID() }
    const started = await start(`/v1/deployments/${first.deployment.id}/retry`, undefined, headers)
    const again = await start(`/v1/deployments/${first.deployment.id}/retry`, undefined, headers)
    expect(again.deployment.id).toBe(started.deployment.id)

    const retry = await endOf(started.deployment.id)
    expect(ran).toEqual([`web@${b}`, `smoke@${b}`])
    expect(retry.deployment).toMatchObject({
      result: 'success',
      targets: [b],
      namespaces: ['other'],
      lineage: { kind: 'retry', of: first.deployment.id },
      request: { name: 'three steps' },
    })
    const source = first.jobs.find((job) => job.step.name === 'db' && job.target === b)
    expect(retry.jobs.map((job) => [job.step.name, job.status, job.carried?.jobId])).toEqual([
      ['db', 'skipped', source?.jobId],
      ['web', 'succeeded', undefined],
      ['smoke', 'succeeded', undefined],
    ])
    // The record in Redis says the same after its end.
    expect((await served.store.deployments.get(retry.deployment.id)).deployment.lineage).toEqual(retry.deployment.lineage)
    expect((await refusal(`/v1/deployments/${retry.deployment.id}/retry`)).slice(0, 2)).toEqual([409, 'nothing_failed'])
  })

  test('is refused while the deployment runs, and for one that there is not', async () => {
    await served.call('POST', '/v1/targets', newTarget('nobody-works', { pool: 'empty' }))
    const { deployment } = await start('/v1/deployments', { steps: steps(), targets: ['nobody-works'] })
    expect((await refusal(`/v1/deployments/${deployment.id}/retry`)).slice(0, 2)).toEqual([409, 'deployment_running'])
    expect((await refusal(`/v1/deployments/${deployment.id}/rollback`)).slice(0, 2)).toEqual([409, 'deployment_running'])
    await served.call('POST', `/v1/deployments/${deployment.id}/cancel`)
    await endOf(deployment.id)
    expect((await refusal(`/v1/deployments/${deployment.id}/rollback`)).slice(0, 2)).toEqual([409, 'never_succeeded'])
    expect((await refusal('/v1/deployments/dep_x/retry')).slice(0, 2)).toEqual([404, 'unknown_deployment'])
  })
})

test('a rerun does everything again with the same inputs, on the targets of then', async () => {
  const inputs = { version: '1.4.2' }
  const first = await deploy({ name: 'by tag', steps: steps(), tag: 'env=test', inputs })
  expect(first.deployment.targets).toEqual([a])
  await served.call('POST', '/v1/targets', newTarget(freshName('later'), { tags: ['env=test'], pool: 'empty' }))
  ran.length = 0
  const rerun = await endOf((await start(`/v1/deployments/${first.deployment.id}/rerun`)).deployment.id)
  expect(ran).toEqual([`db@${a}`, `web@${a}`, `smoke@${a}`])
  expect(rerun.deployment).toMatchObject({ targets: [a], request: { inputs }, lineage: { kind: 'rerun', of: first.deployment.id } })
})

describe('rollback', () => {
  test('takes the packages and inputs of the earlier deployment', async () => {
    const old = await deploy({ steps: steps().slice(0, 1), targets: [a], inputs: { version: '1' } })
    await deploy({ steps: [{ kind: 'apply', name: 'db', package: await upload() }], targets: [a], inputs: { version: '2' } })
    const back = await endOf((await start(`/v1/deployments/${old.deployment.id}/rollback`)).deployment.id)
    expect(back.deployment).toMatchObject({ result: 'success', lineage: { kind: 'rollback', of: old.deployment.id } })
    expect(back.deployment.request).toEqual(old.deployment.request)
  })

  test('says which package is gone, and what to do', async () => {
    const sha256 = await upload()
    const old = await deploy({ steps: [{ kind: 'apply', name: 'db', package: sha256 }], targets: [a] })
    await redis.ask('DEL', `tel:{pkg:${await served.packages.find(sha256)}}`)
    const [status, name, hint] = await refusal(`/v1/deployments/${old.deployment.id}/rollback`)
    expect([status, name]).toEqual([410, 'package_expired'])
    expect(hint).toContain('telpher deploy')
  })
})

describe('the list', () => {
  test('is filtered by target, namespace, name, status, tag and time', async () => {
    const name = freshName('name')
    const good = (await deploy({ name, steps: steps().slice(0, 1), targets: [a] })).deployment
    failing.add(`db@${b}`)
    const bad = (await deploy({ name: name.toUpperCase(), steps: steps().slice(0, 1), targets: [b] })).deployment
    failing.clear()
    const found = async (query: string): Promise<string[]> =>
      (await list(`name=${name}&${query}`)).deployments.map(({ id }) => (id === good.id ? 'good' : id === bad.id ? 'bad' : id))
    expect(await found('')).toEqual(['bad', 'good'])
    expect(await found(`target=${b}`)).toEqual(['bad'])
    expect(await found('namespace=shop')).toEqual(['good'])
    expect(await found('status=failure,error')).toEqual(['bad'])
    expect(await found('tag=env=test')).toEqual(['good'])
    expect(await found(`since=${bad.createdAt}`)).toEqual(['bad'])
    expect(await found(`until=${bad.createdAt - 1}`)).toEqual(['good'])
    expect(await found(`since=${good.createdAt}&until=${bad.createdAt}&status=success`)).toEqual(['good'])
    expect(await found(`until=${bad.createdAt}&cursor=${bad.id}`)).toEqual(['good'])
  })

  test('of filtered deployments is read page by page, each once', async () => {
    const name = freshName('page')
    const ids: string[] = []
    for (let at = 0; at < 5; at++) {
      ids.unshift((await start('/v1/deployments', { name, steps: steps().slice(0, 1), targets: [a] })).deployment.id)
      await start('/v1/deployments', { name: 'another', steps: steps().slice(0, 1), targets: [b] })
    }
    const seen: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page = await list(`name=${name}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
      expect(page.deployments.length).toBeLessThanOrEqual(2)
      seen.push(...page.deployments.map(({ id }) => id))
      cursor = page.next
    }
    expect(seen).toEqual(ids)
  })
})
