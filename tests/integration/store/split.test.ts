import { afterAll, beforeAll, expect, test } from 'vitest'
import { expand } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { ruleOf } from '../../../src/store/retention.ts'
import { collect } from '../../support/collect.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { packagesOf, storePackage } from '../../support/packages.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'

let states: OwnRedis
let logs: OwnRedis
let store: Store
beforeAll(async () => {
  ;[states, logs] = await Promise.all([startOwnRedis(), startOwnRedis()])
  store = await openStore({ url: states.url, storeUrl: logs.url, limits: { packageGraceMs: 0 } })
})
afterAll(async () => {
  await store.close()
  await Promise.all([states.stop(), logs.stop()])
})

const placesOf = async (redis: OwnRedis): Promise<Set<string | undefined>> =>
  new Set((await redis.ask('KEYS', '*')).filter((key) => key.startsWith('tel:')).map((key) => ruleOf(key)?.redis))

test('logs and packages lie in the second Redis, all else in the first; following and sweeping work over both', async () => {
  const { sha256 } = await storePackage(store, Buffer.from('a package'))
  const { deployment, jobs } = expand(
    sampleRequest([{ ...applyStep('web'), package: sha256 }], ['t1']),
    [sampleTarget('t1')],
    Date.now() - 100 * 86_400_000,
  )
  const [job] = jobs
  if (job === undefined) throw new Error('no job')
  await store.deployments.create(deployment, jobs)
  const following = collect(store.logs(job).read({ follow: true }))
  const log = store.logs(job)
  await log.append([{ stream: 'stdout', text: 'one', at: 1 }])
  // With no word of an end, who follows learns from the job, in the other Redis, that it is over.
  await store.jobs.apply(job, { type: 'admit' })
  await store.jobs.apply(job, { type: 'start', worker: 'w1' })
  await log.append([{ stream: 'stdout', text: 'two', at: 1 }])
  await store.jobs.apply(job, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } })
  expect((await following).map(({ text }) => text)).toEqual(['one', 'two'])
  expect([await placesOf(states), await placesOf(logs)]).toEqual([new Set(['state']), new Set(['store'])])
  expect([...new Set((await store.memory.look(0)).map(({ redis }) => redis))]).toEqual(['state', 'store'])

  await store.deployments.advance(deployment.id, 'pending', 'finished', { result: 'success', endedAt: deployment.createdAt })
  expect((await packagesOf(store).read(sha256)).toString()).toBe('a package')
  expect(await store.sweep.deployments()).toBe(1)
  expect(await store.packages.has(sha256)).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(await store.sweep.packages()).toBe(1)
  expect((await logs.ask('KEYS', 'tel:*')).filter((key) => key.startsWith('tel:'))).toEqual([])
})
