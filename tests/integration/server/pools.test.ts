import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PoolView, Scale } from '../../../src/model/scale.ts'
import type { QueueItem } from '../../../src/queue/index.ts'
import { sampleWorker } from '../../support/samples.ts'
import { freshName, newTarget, type ServedApi, serveApi, somePackage } from './api.ts'

let served: ServedApi
beforeAll(async () => {
  served = await serveApi()
})
afterAll(() => served.close())

const call = async <T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> => {
  const answer = await served.call(method, path, body)
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as T }
}
const problem = async (method: string, path: string, body?: object): Promise<[number, string, string]> => {
  const answer = await call<{ name: string; detail: string }>(method, path, body)
  return [answer.status, answer.body.name, answer.body.detail]
}
const created = async (settings: object = {}): Promise<string> => {
  const name = freshName('pool')
  expect((await call('POST', '/v1/pools', { name, ...settings })).status).toBe(201)
  return name
}
const scaleOf = async (name: string): Promise<Scale> => (await call<Scale>('GET', `/v1/pools/${name}/scale`)).body
const beat = (pool: string, changes: object = {}): Promise<unknown> =>
  served.store.workers.beat(sampleWorker(freshName('wrk'), { pool, ...changes }))
const attempt = () => ({ deploymentId: 'dep_x', jobId: freshName('job'), attempt: 1, openWrites: 0 })
const check = (): QueueItem => ({ kind: 'check', checkId: freshName('chk'), target: 't' })

describe('what is said of a pool', () => {
  test('it is created, changed, seen and forgotten', async () => {
    const name = await created({ labels: { region: 'eu' }, scaling: { max: 8 } })
    expect((await problem('POST', '/v1/pools', { name })).slice(0, 2)).toEqual([409, 'pool_exists'])
    const changed = await call<PoolView>('PATCH', `/v1/pools/${name}`, { scaling: { idle: 1 }, limit: 7, labels: null })
    expect(changed.body).toMatchObject({ said: true, limit: 7, labels: {}, scaling: { max: 8, idle: 1, coolDownSeconds: 120 } })
    const fixed = await call<PoolView>('PATCH', `/v1/pools/${name}`, { replicas: 2 })
    expect(fixed.body).toMatchObject({ replicas: 2, scale: { desired: 2, managed: true } })
    expect(fixed.body.scaling).toBeUndefined()
    const { pools } = (await call<{ pools: PoolView[] }>('GET', '/v1/pools')).body
    expect(pools.find((pool) => pool.name === name)).toEqual(fixed.body)
    expect((await call('DELETE', `/v1/pools/${name}`)).status).toBe(204)
    expect((await problem('GET', `/v1/pools/${name}`)).slice(0, 2)).toEqual([404, 'unknown_pool'])
    expect((await problem('DELETE', `/v1/pools/${name}`)).slice(0, 2)).toEqual([404, 'unknown_pool'])
  })

  test('one that a target or a worker names is there without a word, and cannot be removed while a target is in it', async () => {
    const [named, target, used] = [freshName('pool'), freshName('target'), freshName('pool')]
    await served.call('POST', '/v1/targets', newTarget(target, { pool: named }))
    await beat(used)
    expect((await call<PoolView>('GET', `/v1/pools/${named}`)).body).toMatchObject({ said: false, targets: 1, slots: 0 })
    expect((await call<PoolView>('GET', `/v1/pools/${used}`)).body).toMatchObject({ said: false, targets: 0, slots: 4 })
    expect(await problem('DELETE', `/v1/pools/${named}`)).toEqual([409, 'pool_in_use', `target ${target} is in pool ${named}`])
  })

  test.each([
    [{ name: 'Not A Name' }, '/name'],
    [{ name: 'x', scaling: { min: 3, max: 2 } }, '/scaling/min'],
    [{ name: 'x', scaling: { schedules: [{ cron: '* * *', timeZone: 'UTC' }] } }, '/scaling/schedules/0/cron'],
    [{ name: 'x', scaling: { schedules: [{ cron: '* * * * *', timeZone: 'Moon' }] } }, '/scaling/schedules/0/cron'],
    [{ name: 'x', limit: 0 }, '/limit'],
    [{ name: 'x', kubernetes: { namespace: 'a' } }, '/kubernetes/deployment'],
    [{ name: 'x', sise: 1 }, '/'],
  ])('%j is refused at %s', async (body, pointer) => {
    const answer = await call<{ errors: { pointer: string }[] }>('POST', '/v1/pools', body)
    expect([answer.status, answer.body.errors[0]?.pointer]).toEqual([422, pointer])
  })

  test('a change that does not fit what is there is refused, and nothing changed', async () => {
    const name = await created({ scaling: { min: 2, max: 4 } })
    expect((await problem('PATCH', `/v1/pools/${name}`, { scaling: { max: 1 } }))[0]).toBe(422)
    expect((await call<PoolView>('GET', `/v1/pools/${name}`)).body.scaling).toMatchObject({ min: 2, max: 4 })
  })

  test('twenty changes at the same time are all kept', async () => {
    const name = await created()
    const settings = [{ limit: 5 }, { concurrency: 3 }, { image: 'k1.36-h4' }, { labels: { a: 'b' } }]
    await Promise.all(Array.from({ length: 20 }, (_, n) => call('PATCH', `/v1/pools/${name}`, settings[n % 4] ?? {})))
    expect((await call<PoolView>('GET', `/v1/pools/${name}`)).body).toMatchObject({
      limit: 5,
      concurrency: 3,
      image: 'k1.36-h4',
      labels: { a: 'b' },
    })
  })
})

test('a cordoned pool takes no deployment until it is resumed', async () => {
  const [target, name] = [freshName('target'), await created()]
  await served.call('POST', '/v1/targets', newTarget(target, { pool: name }))
  const { sha256 } = (await call<{ sha256: string }>('POST', '/v1/packages', somePackage())).body
  const request = { steps: [{ kind: 'apply', name: 'web', package: sha256 }], targets: [target] }
  await call('PUT', `/v1/pools/${name}/state`, { state: 'cordoned', reason: 'moving' })
  expect(await problem('POST', '/v1/deployments', request)).toEqual([
    409,
    'pool_cordoned',
    `pool ${name} of target ${target} is cordoned: moving`,
  ])
  await call('PUT', `/v1/pools/${name}/state`, { state: 'active' })
  expect((await call('POST', '/v1/deployments', request)).status).toBe(202)
})

describe('how many workers a pool should have', () => {
  test('of one of which nothing is said: for what runs and waits, for a scaler with bounds of its own', async () => {
    const name = freshName('pool')
    await beat(name, { concurrency: 2, attempts: [attempt()] })
    for (let n = 0; n < 5; n++) await served.queue.enqueue(name, check())
    expect(await scaleOf(name)).toMatchObject({ managed: false, running: 1, waiting: 5, busy: 1, workers: 1, concurrency: 2, desired: 3 })
  })

  test('more at once, fewer after the cool-down, and it says why', async () => {
    const name = await created({ scaling: { max: 5, idle: 1, coolDownSeconds: 3600 } })
    expect(await scaleOf(name)).toMatchObject({ desired: 1, reserve: 1, forWork: 0 })
    for (let n = 0; n < 9; n++) await served.queue.enqueue(name, check())
    expect(await scaleOf(name)).toMatchObject({ desired: 4, forWork: 3 })
    await call('PUT', `/v1/pools/${name}/state`, { state: 'paused' })
    const { desired, wanted, because } = await scaleOf(name)
    expect([desired, wanted]).toEqual([4, 1])
    expect(because.at(-1)).toMatch(/^4 for now: it cools down for another \d+ s, then 1 are asked for$/)
  })

  test('jobs that wait for a place in the pool count', async () => {
    const name = await created({ scaling: { max: 9 } })
    const ask = { priority: 1, weight: 1, places: 0, waiting: 17 }
    await served.store.rooms.enter(`pool:${name}`, { deploymentId: 'dep_a', jobId: 'job_a' }, ask)
    expect(await scaleOf(name)).toMatchObject({ waiting: 17, desired: 5 })
    await served.store.rooms.leave(`pool:${name}`, { deploymentId: 'dep_a', jobId: 'job_a' })
  })

  test('one server at a time is told to scale, and another one when it fell silent', async () => {
    const { pools } = served.store
    expect(await pools.scalerTurn('one', 200)).toBe(true)
    expect(await pools.scalerTurn('two', 200)).toBe(false)
    expect(await pools.scalerTurn('one', 50)).toBe(true)
    await expect.poll(() => pools.scalerTurn('two', 50), { interval: 10, timeout: 5000 }).toBe(true)
  })
})
