import { afterEach, beforeEach, expect, test } from 'vitest'
import { envelopeVersion } from '../../../src/model/envelope.ts'
import { newId } from '../../../src/model/ids.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, startScheduler } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget, sampleWorker } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

let redis: OwnRedis
let store: Store
let queue: Queue
const closing: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
  queue = openQueue({ url: redis.url })
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: { sweepMs: 100 } })
  closing.push(async () => {
    ending.abort()
    await scheduler.stopped
    await Promise.all([store.close(), queue.close()])
  })
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  await redis.stop()
})

/** @param agoMs how long ago it was asked for */
const begin = async (changes: { readonly needs?: number } = {}, agoMs = 0): Promise<string> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('web')], ['t']), [sampleTarget('t')], (await store.workers.now()) - agoMs)
  await store.deployments.create({ ...deployment, ...changes }, jobs)
  return deployment.id
}
const jobOf = async (id: string) => (await store.deployments.get(id)).jobs[0]!

test('a job that only newer workers understand says so, takes no place, and begins when there is one', async () => {
  const beat = () => store.workers.beat(sampleWorker('wrk_old', { envelope: envelopeVersion - 1 }))
  await beat()
  const beating = setInterval(() => void beat().catch(() => {}), 500)
  closing.push(async () => clearInterval(beating))
  const id = await begin()
  const { name, version } = sampleWorker('wrk_old')
  await eventually(
    async () => (await jobOf(id)).waitsFor === `no worker in pool default is new enough for it: replace ${name} (${version}) by newer ones`,
  )
  expect(await jobOf(id)).toMatchObject({ status: 'pending', attempt: 0 })
  expect(await queue.depth('default')).toBe(0)
  expect(await store.locks.get((await jobOf(id)).lock)).toMatchObject({ queue: [] })
  const witness = createWitness()
  const worker = startSimWorker({ id: newId('wrk'), url: redis.url, store, witness })
  closing.push(() => worker.stop())
  await eventually(async () => (await store.deployments.get(id)).deployment.result === 'success', 20_000)
  expect((await jobOf(id)).attempt).toBe(1)
})

test('a deployment that a newer server took is left to newer servers; where there is none, that is said', async () => {
  const worker = startSimWorker({ id: newId('wrk'), url: redis.url, store, witness: createWitness() })
  closing.push(() => worker.stop())
  const left = await begin({ needs: envelopeVersion + 1 })
  const alone = await begin({ needs: envelopeVersion + 1 }, 60_000)
  const own = await begin({ needs: envelopeVersion })
  await eventually(async () => (await store.deployments.get(own)).deployment.result === 'success', 20_000)
  await eventually(
    async () => (await jobOf(alone)).waitsFor === 'no server that runs is new enough for it: start one of the version that took it',
  )
  // Nobody else's words are written over, and nothing of it is begun.
  expect((await jobOf(left)).waitsFor).toBeUndefined()
  for (const id of [left, alone]) expect(await jobOf(id)).toMatchObject({ status: 'pending', attempt: 0 })
  expect(await queue.depth('default')).toBe(0)
})
