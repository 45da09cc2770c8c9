import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Freeze } from '../../../src/model/freeze.ts'
import { newId } from '../../../src/model/ids.ts'
import { expand } from '../../../src/scheduler/index.ts'
import type { Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { startSchedulingServer } from '../../support/scheduling.ts'
import { createWitness, startSimWorker, type Witness } from '../../support/simworker.ts'

let redis: OwnRedis
let store: Store
let witness: Witness
const closing: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis()
  witness = createWitness()
  store = await startServer()
  // Two of them are there: a freeze that one of them did not hear of would be none.
  await startServer()
  const worker = startSimWorker({ id: newId('wrk'), url: redis.url, store, witness })
  closing.push(() => worker.stop())
})
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
  await redis.stop()
})

const startServer = async (): Promise<Store> => {
  const server = await startSchedulingServer(redis.url)
  closing.push(() => server.stop())
  return server.store
}

const freeze = async (changes: Partial<Freeze>): Promise<Freeze> => {
  const made: Freeze = { id: newId('frz'), reason: 'trade fair', createdAt: await store.workers.now(), ...changes }
  await store.freezes.add(made)
  return made
}
const begin = async (target: string): Promise<string> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('web')], [target]), [sampleTarget(target)], Date.now())
  await store.deployments.create(deployment, jobs)
  return deployment.id
}
const jobOf = async (id: string) => (await store.deployments.get(id)).jobs[0]!
const isDone = (id: string) => eventually(async () => (await store.deployments.get(id)).deployment.result === 'success', 20_000)

test('nothing begins at a frozen target, each says why, and others go on; lifted, all begin', async () => {
  const { id: freezeId } = await freeze({ target: 't1' })
  const ids = [await begin('t1'), await begin('t1')]
  const free = await begin('t2')
  await isDone(free)
  for (const id of ids) {
    await eventually(async () => (await jobOf(id)).waitsFor === `frozen: trade fair (lift it with: telpher unfreeze ${freezeId})`)
    expect((await jobOf(id)).status).toBe('pending')
    // A place in the queue of a lock would hold up who may begin.
    expect(await store.locks.get((await jobOf(id)).lock)).toMatchObject({ queue: [] })
  }
  await store.freezes.lift(freezeId)
  await Promise.all(ids.map(isDone))
  expect(witness.violations).toEqual([])
})

test('what is frozen while it waits for a lock gives its place back, and is cancelled like any other', async () => {
  const first = await begin('t1')
  await isDone(first)
  await freeze({ target: 't1' })
  const id = await begin('t1')
  await eventually(async () => (await jobOf(id)).waitsFor?.startsWith('frozen: ') === true)
  await store.jobs.apply(await jobOf(id), { type: 'cancel' })
  await eventually(async () => (await store.deployments.get(id)).deployment.result === 'cancellation', 20_000)
})

test('one that has an end of its own is over by itself, and is not kept', async () => {
  const now = await store.workers.now()
  await freeze({ target: 't1', until: now + 1500 })
  const id = await begin('t1')
  await eventually(async () => (await jobOf(id)).waitsFor?.startsWith(`frozen until ${new Date(now + 1500).toISOString()}`) === true)
  await isDone(id)
  expect(await store.freezes.list(await store.workers.now())).toEqual([])
})
