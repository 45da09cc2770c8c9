import { afterAll, beforeAll, expect, test } from 'vitest'
import type { StoredEvent } from '../../../src/model/deployment.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url, timeoutMs: 1000, limits: { events: 500 } })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const create = async (): Promise<string> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('s')], ['t']), [sampleTarget('t')], Date.now())
  await store.deployments.create(deployment, jobs)
  return deployment.id
}
const notice = (message: string) => ({ type: 'notice', at: 1, level: 'info', message }) as const
const messages = (events: readonly StoredEvent[]): string[] => events.flatMap((event) => (event.type === 'notice' ? [event.message] : []))

test('keeps the order of what is emitted, and goes on after an id', async () => {
  const id = await create()
  const events = store.events(id)
  for (let index = 0; index < 350; index++) events.emit(notice(String(index)))
  await events.flush()
  const all = await collect(store.events(id).read({ follow: false }))
  expect(messages(all)).toEqual(Array.from({ length: 350 }, (_, index) => String(index)))
  const rest = await collect(store.events(id).read({ follow: false, after: all[100]!.id }))
  expect(rest).toEqual(all.slice(101))
})

test('follows until the deployment has finished, and no longer', async () => {
  const id = await create()
  const events = store.events(id)
  const following = collect(store.events(id).read({ follow: true }))
  events.emit(notice('one'))
  await events.flush()
  await store.deployments.advance(id, 'pending', 'finished', { result: 'success', endedAt: 1 })
  const seen = await following
  expect(seen.map(({ type }) => type)).toEqual(['deployment', 'notice', 'deployment'])
  expect(seen.at(-1)).toMatchObject({ state: 'finished', result: 'success' })
  expect(await collect(store.events(id).read({ follow: true, after: seen.at(-1)!.id }))).toEqual([])
})

test('stops to follow when it is told', async () => {
  const id = await create()
  const stop = new AbortController()
  const following = collect(store.events(id).read({ follow: true, signal: stop.signal }), () => {
    stop.abort()
    return false
  })
  expect(await following).toHaveLength(1)
})

test('refuses an unknown deployment and an id that is none', async () => {
  await expect(collect(store.events('dep_none').read({ follow: true }))).rejects.toMatchObject({ code: 'unknown_deployment' })
  await expect(collect(store.events('dep_none').read({ follow: true, after: 'x' }))).rejects.toMatchObject({ code: 'invalid_input' })
})

test('keeps a bounded number', async () => {
  const id = await create()
  const events = store.events(id)
  for (let index = 0; index < 3000; index++) events.emit(notice(String(index)))
  await events.flush()
  const kept = await collect(store.events(id).read({ follow: false }))
  expect(kept.length).toBeLessThan(1000)
  expect(messages(kept).at(-1)).toBe('2999')
})

test('loses and repeats nothing while Redis is killed, and those who follow go on', async () => {
  const id = await create()
  const events = store.events(id)
  const following = collect(store.events(id).read({ follow: true }))
  for (let index = 0; index < 100; index++) {
    events.emit(notice(String(index)))
    if (index === 20) await redis.kill()
    if (index === 60) {
      events.emit(notice('while it is away'))
      await new Promise((resolve) => setImmediate(resolve))
      await redis.start()
    }
  }
  await events.flush()
  await store.deployments.advance(id, 'pending', 'finished', { result: 'success', endedAt: 1 })
  const expected = Array.from({ length: 100 }, (_, index) => String(index)).toSpliced(61, 0, 'while it is away')
  expect(messages(await following)).toEqual(expected)
})
