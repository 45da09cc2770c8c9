import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, startScheduler } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { mortal } from '../../support/mortal.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { helmStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

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

const finished = async (ids: readonly string[]): Promise<boolean> => {
  const all = await Promise.all(ids.map((id) => store.deployments.get(id)))
  return all.every(({ deployment }) => deployment.state === 'finished')
}
const quick = { sweepMs: 50, lookAfterMs: 200, takenMs: 5000 }

test('whatever it was at when a server died, another one brings it to its end', async () => {
  const witness = createWitness()
  const worker = startSimWorker({ id: 'wrk_a', url: redis.url, store, witness, concurrency: 8 })
  const target = sampleTarget('t')
  let died = 0
  for (const after of [false, true]) {
    for (let dieAt = 1; dieAt <= 30; dieAt++) {
      // Two deployments of one release, each in two steps, so that locks pass and are waited for.
      const both = [0, 1].map(() => expand(sampleRequest([helmStep('a', 'web'), helmStep('b', 'web')], ['t']), [target], Date.now()))
      const ids = both.map(({ deployment }) => deployment.id)
      const doomed = mortal(store, queue, dieAt, after)
      const first = new AbortController()
      startScheduler({ store: doomed.store, queue: doomed.queue, log: () => {}, signal: first.signal, times: quick })
      for (const { deployment, jobs } of both) await store.deployments.create(deployment, jobs)
      await eventually(async () => doomed.isDead() || finished(ids), 20_000, 5)
      if (doomed.isDead()) died++
      first.abort()
      const second = new AbortController()
      const heir = startScheduler({ store, queue, log: () => {}, signal: second.signal, times: quick })
      await eventually(() => finished(ids), 20_000, 10).catch(async (error: Error) => {
        const states = await Promise.all(ids.map((id) => store.deployments.snapshot(id)))
        throw new Error(`died ${after ? 'after' : 'before'} change ${dieAt}: ${JSON.stringify(states)}`, { cause: error })
      })
      second.abort()
      await heir.stopped
      for (const { jobs } of both) for (const { lock } of jobs) expect(await store.locks.get(lock)).toEqual({ queue: [] })
    }
  }
  await worker.stop()
  expect(died).toBeGreaterThan(30)
  expect(witness.violations).toEqual([])
  expect([...witness.starts.values()].every((attempts) => attempts.length === 1)).toBe(true)
})

test('says for whom a deployment waits, and that nobody is there to do it', async () => {
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: quick })
  const target = sampleTarget('far', { pool: 'far' })
  const both = [0, 1].map((index) => expand(sampleRequest([helmStep('app', 'web')], ['far']), [target], Date.now() + index))
  for (const { deployment, jobs } of both) await store.deployments.create(deployment, jobs)
  const [holder, waiter] = both.map(({ jobs }) => jobs[0]!)
  await eventually(async () => (await store.jobs.get(holder!)).waitsFor === 'no worker in pool far is alive')
  const reason = await eventually(async () => (await store.jobs.get(waiter!)).waitsFor)
  expect(reason).toMatch(
    new RegExp(
      `^deployment ${holder!.deploymentId} holds Helm release web in shop \\(step app, since \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ\\)$`,
    ),
  )
  await store.jobs.apply(holder!, { type: 'cancel' })
  await eventually(async () => (await store.jobs.get(waiter!)).status === 'admitted')
  expect((await store.deployments.get(holder!.deploymentId)).deployment).toMatchObject({ state: 'finished', result: 'cancellation' })
  await store.jobs.apply(waiter!, { type: 'cancel' })
  await eventually(() => finished(both.map(({ deployment }) => deployment.id)))
  ending.abort()
  await scheduler.stopped
})

test('takes a lock over from a job that has ended, and from one that nobody knows', async () => {
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: quick })
  const worker = startSimWorker({ id: 'wrk_b', url: redis.url, store, witness: createWitness() })
  const deploy = () => expand(sampleRequest([helmStep('app', 'web')], ['t']), [sampleTarget('t')], Date.now())
  const old = deploy()
  await store.deployments.create(old.deployment, old.jobs)
  await eventually(() => finished([old.deployment.id]))
  const { lock } = old.jobs[0]!
  const ended = { ...old.jobs[0]!, step: 'app', since: 1 }
  const unknown = { deploymentId: 'dep_gone', jobId: 'job_gone', step: 'app', since: 2 }
  for (const state of [{ holder: ended, queue: [unknown] }, { holder: unknown, queue: [ended] }, { queue: [ended, unknown] }]) {
    await store.locks.update(lock, () => state)
    const next = deploy()
    await store.deployments.create(next.deployment, next.jobs)
    await eventually(() => finished([next.deployment.id]))
    expect(await store.locks.get(lock)).toEqual({ queue: [] })
  }
  ending.abort()
  await scheduler.stopped
  await worker.stop()
})

test('takes off the list what has no record', async () => {
  await redis.ask('ZADD', 'tel:{index}:active', '0', 'dep_ghost')
  const ending = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: ending.signal, times: { ...quick, ghostMs: 200 } })
  await eventually(async () => !(await store.deployments.active()).includes('dep_ghost'))
  ending.abort()
  await scheduler.stopped
})
