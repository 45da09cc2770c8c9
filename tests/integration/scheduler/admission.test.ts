import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { newId } from '../../../src/model/ids.ts'
import type { Standing } from '../../../src/model/step.ts'
import type { Target } from '../../../src/model/target.ts'
import { expand } from '../../../src/scheduler/index.ts'
import type { Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, helmStep, sampleRequest, sampleSealed, sampleTarget } from '../../support/samples.ts'
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
  await startServer()
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

/** A worker whose jobs last until they are let go, one by one. */
const startGatedWorker = (concurrency: number, pool = 'default') => {
  const started: Job[] = []
  const holds = new Map<string, () => void>()
  let most = 0
  const worker = startSimWorker({
    id: newId('wrk'),
    url: redis.url,
    store,
    witness,
    pool,
    concurrency,
    work: async (job) => {
      started.push(job)
      if (isOver) return
      const { promise, resolve } = Promise.withResolvers<void>()
      holds.set(job.jobId, resolve)
      most = Math.max(most, holds.size)
      await promise
    },
  })
  let isOver = false
  closing.push(() => {
    isOver = true
    for (const resolve of holds.values()) resolve()
    return worker.stop()
  })
  const letGo = (jobId: string): void => {
    holds.get(jobId)?.()
    holds.delete(jobId)
  }
  const finishAll = async (count: number): Promise<void> => {
    await eventually(
      async () => {
        for (const jobId of [...holds.keys()]) letGo(jobId)
        return started.length === count && holds.size === 0
      },
      30_000,
      10,
    )
  }
  return { started, running: () => [...holds.keys()], letGo, finishAll, most: () => most }
}

const begin = async (targets: readonly Target[], standing: Standing = {}, step = applyStep('web')): Promise<string> => {
  const request = {
    ...sampleRequest(
      [step],
      targets.map(({ name }) => name),
    ),
    ...standing,
  }
  const { deployment, jobs } = expand(request, [...targets], Date.now())
  await store.deployments.create(deployment, jobs)
  return deployment.id
}
const many = (count: number, name = 't'): Target[] => Array.from({ length: count }, (_, n) => sampleTarget(`${name}${n}`))
const jobOf = async (id: string): Promise<Job> => (await store.deployments.get(id)).jobs[0]!
const isDone = (id: string) => eventually(async () => (await store.deployments.get(id)).deployment.state === 'finished', 20_000)
const reasonOf = (id: string, reason: string | RegExp) =>
  eventually(async () => {
    const { waitsFor = '' } = await jobOf(id)
    return typeof reason === 'string' ? waitsFor === reason : reason.test(waitsFor)
  }, 10_000)

describe('a pool', () => {
  test('a deployment of many jobs does not starve one of a single job', async () => {
    const worker = startGatedWorker(2)
    const big = await begin(many(60))
    await eventually(async () => worker.started.length === 2)
    const small = await begin([sampleTarget('small')])
    await reasonOf(small, 'the workers of pool default are busy with other jobs')
    const job = await jobOf(small)
    await eventually(
      async () => {
        for (const jobId of worker.running()) if (jobId !== job.jobId) worker.letGo(jobId)
        return worker.started.some(({ jobId }) => jobId === job.jobId)
      },
      20_000,
      20,
    )
    // A window of two places, one more on its way, and what ended while it was seen.
    expect(worker.started.findIndex(({ jobId }) => jobId === job.jobId)).toBeLessThan(10)
    await worker.finishAll(61)
    await Promise.all([big, small].map(isDone))
    expect(await redis.ask('KEYS', 'tel:{room:*')).toEqual([])
  })

  test('a higher priority begins before what waited longer', async () => {
    await store.pools.create({ name: 'default', labels: {}, state: 'active', limit: 1, createdAt: 1 })
    const worker = startGatedWorker(4)
    await begin([sampleTarget('first')])
    await eventually(async () => worker.started.length === 1)
    const low = await begin(many(3), { priority: 'low' })
    await reasonOf(low, 'pool default runs at most 1 job at a time')
    const high = await begin(many(3, 'h'), { priority: 'high' })
    await reasonOf(high, 'pool default runs at most 1 job at a time')
    await worker.finishAll(7)
    const order = worker.started.slice(1).map(({ deploymentId }) => deploymentId)
    expect(order).toEqual([high, high, high, low, low, low])
    await Promise.all([low, high].map(isDone))
  })

  test('its limit holds over all of its workers', async () => {
    await store.pools.create({ name: 'default', labels: {}, state: 'active', limit: 3, createdAt: 1 })
    const [a, b] = [startGatedWorker(4), startGatedWorker(4)]
    const id = await begin(many(12))
    let most = 0
    await eventually(
      async () => {
        most = Math.max(most, a.running().length + b.running().length)
        for (const worker of [a, b]) for (const jobId of worker.running().slice(0, 1)) worker.letGo(jobId)
        return (await store.deployments.get(id)).deployment.state === 'finished'
      },
      30_000,
      20,
    )
    expect(most).toBeLessThanOrEqual(3)
    expect(a.started.length + b.started.length).toBe(12)
  })

  test('paused, nothing begins and each says why; resumed, all go on', async () => {
    const worker = startGatedWorker(4)
    await store.pools.change('default', (pool) => ({ ...pool, state: 'paused', reason: 'upgrade' }))
    const id = await begin([sampleTarget('t1')])
    await reasonOf(id, 'pool default is paused: upgrade (go on with: telpher pool resume default)')
    expect((await jobOf(id)).status).toBe('pending')
    await store.pools.change('default', ({ reason: _, ...pool }) => ({ ...pool, state: 'active' }))
    await worker.finishAll(1)
    await isDone(id)
  })
})

describe('limits of targets and clusters', () => {
  const create = (name: string, changes: Partial<Target>): Promise<Target> => {
    const target = sampleTarget(name, changes)
    return store.targets.create(target, sampleSealed(target.account.id)).then(() => target)
  }

  test('so many jobs at a time at a target, and the others say so', async () => {
    const target = await create('one', { limit: 1 })
    const worker = startGatedWorker(8)
    const ids = await Promise.all(['a', 'b', 'c'].map((name) => begin([target], {}, applyStep(name))))
    await eventually(async () => worker.running().length === 1)
    const waiting = await eventually(async () => {
      const reasons = await Promise.all(ids.map(async (id) => (await jobOf(id)).waitsFor))
      return reasons.filter((reason) => reason === 'target one takes at most 1 job at a time').length === 2
    })
    expect(waiting).toBe(true)
    await worker.finishAll(3)
    await Promise.all(ids.map(isDone))
    expect(worker.most()).toBe(1)
  })

  test('and in a cluster, over its targets', async () => {
    const targets = await Promise.all(['x', 'y', 'z'].map((name) => create(name, { clusterId: 'c1', clusterLimit: 2 })))
    const worker = startGatedWorker(8)
    const ids = await Promise.all(targets.map((target, n) => begin([target], {}, applyStep(`s${n}`))))
    await eventually(async () => worker.running().length === 2)
    await worker.finishAll(3)
    await Promise.all(ids.map(isDone))
    expect(worker.most()).toBe(2)
  })
})

describe('when what it would change is held by another deployment', () => {
  test('it fails at once when it is told to', async () => {
    const worker = startGatedWorker(4)
    const target = sampleTarget('t')
    const first = await begin([target], {}, helmStep('app', 'web'))
    await eventually(async () => worker.running().length === 1)
    const second = await begin([target], { whenBusy: 'fail' }, helmStep('app', 'web'))
    await isDone(second)
    expect(await jobOf(second)).toMatchObject({ status: 'failed', end: { code: 'lock_busy', sentence: expect.stringContaining(first) } })
    await worker.finishAll(1)
    await isDone(first)
  })

  test('it gives way to a newer one when it is told to, and one that was not told waits', async () => {
    const worker = startGatedWorker(4)
    const target = sampleTarget('t')
    const first = await begin([target], {}, helmStep('app', 'web'))
    await eventually(async () => worker.running().length === 1)
    const patient = await begin([target], {}, helmStep('app', 'web'))
    await reasonOf(patient, /holds Helm release web/)
    const yielding = await begin([target], { whenBusy: 'yield' }, helmStep('app', 'web'))
    await reasonOf(yielding, /is before it|holds Helm release web/)
    const newest = await begin([target], { whenBusy: 'yield' }, helmStep('app', 'web'))
    await isDone(yielding)
    expect((await jobOf(yielding)).end).toMatchObject({ status: 'skipped', sentence: `it gave way to the newer deployment ${newest}` })
    await worker.finishAll(3)
    await Promise.all([first, patient, newest].map(isDone))
    expect(witness.violations).toEqual([])
    expect((await jobOf(newest)).status).toBe('succeeded')
  })
})
