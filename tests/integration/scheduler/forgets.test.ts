import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, keepLocks, startLeftovers, startScheduler, startWatchdog, sweepLeftovers } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { intercepted } from '../../support/intercepted.ts'
import { seededRandom } from '../../support/random.ts'
import { type RewoundRedis, startRewoundRedis } from '../../support/rewound.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

/** FORGETS=all tries every point, SOAK_SEED others of them. */
const seed = Number(process.env['SOAK_SEED'] ?? 1)
const sample = 18
const lanes = 3

interface Lane {
  readonly redis: RewoundRedis
  readonly store: Store
  readonly queue: Queue
}
const all: Lane[] = []
beforeAll(async () => {
  for (let lane = 0; lane < lanes; lane++) {
    const redis = await startRewoundRedis()
    all.push({ redis, store: await openStore({ url: redis.url }), queue: openQueue({ url: redis.url }) })
  }
})
afterAll(async () => {
  for (const { redis, store, queue } of all) {
    await Promise.all([store.close(), queue.close()])
    await redis.stop()
  }
})

/** What Redis forgets: everything as one that took over, or one slot of a cluster. */
const sides = {
  all: '*',
  rooms: 'tel:{room:*',
  locks: 'tel:{cluster:*',
  deployments: 'tel:{dep_*',
  index: 'tel:{index}*',
  queue: '{tel-pool*',
}
type Side = keyof typeof sides

/** Before the nth call of that name Redis forgets as many changes, and the call is made nevertheless: it was on its way. */
interface Point {
  readonly call: string
  readonly nth: number
  readonly changes: number
  readonly side: Side
}
const calls = ['locks.update', 'rooms.enter', 'rooms.leave', 'jobs.apply', 'jobs.settle', 'deployments.advance', 'queue.enqueue']
const everyPoint: readonly Point[] = calls.flatMap((call) =>
  [1, 2].flatMap((nth) => [1, 2, 4].flatMap((changes) => (Object.keys(sides) as Side[]).map((side) => ({ call, nth, changes, side })))),
)
/** Each told why: a step is done with the master before, and the next one with another that never heard of it. */
const known: readonly Point[] = [
  // A place was given back, and only the note of that lasts.
  { call: 'jobs.settle', nth: 1, changes: 1, side: 'all' },
  { call: 'jobs.settle', nth: 1, changes: 1, side: 'rooms' },
  { call: 'jobs.settle', nth: 1, changes: 2, side: 'all' },
  // The end of the job is lost, and what it had is given back.
  { call: 'locks.update', nth: 3, changes: 4, side: 'deployments' },
  // The note that the job is settled is lost, and its deployment ends.
  { call: 'deployments.advance', nth: 2, changes: 1, side: 'all' },
  // The end of the deployment is lost after it was taken off the list of the active ones.
  { call: 'queue.enqueue', nth: 2, changes: 4, side: 'deployments' },
  // The lock was given, and the job is told to begin.
  { call: 'jobs.apply', nth: 1, changes: 2, side: 'all' },
  { call: 'jobs.apply', nth: 1, changes: 1, side: 'rooms' },
]

const shuffled = (points: readonly Point[]): Point[] => {
  const random = seededRandom(seed)
  return points
    .map((point) => ({ point, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ point }) => point)
}
const points = process.env['FORGETS'] === 'all' ? everyPoint : [...known, ...shuffled(everyPoint).slice(0, sample)]

const deploy = async (store: Store): Promise<Job> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('a')], ['t']), [sampleTarget('t')], Date.now())
  await store.deployments.create(deployment, jobs)
  return jobs[0] as Job
}
const isOver = async (store: Store, jobs: readonly Job[]): Promise<boolean> => {
  const found = await Promise.all(jobs.map((job) => store.deployments.get(job.deploymentId)))
  const active = await store.deployments.active()
  return found.every(({ deployment }) => deployment.state === 'finished') && active.length === 0
}
/** Nobody holds or awaits anything; a lock that only cools goes by itself. */
const isNothingHeld = async ({ redis, store }: Lane, [job]: readonly Job[]): Promise<boolean> => {
  const { holder, queue } = await store.locks.get(job!.lock)
  return holder === undefined && queue.length === 0 && (await redis.keys('tel:{room:*')).length === 0
}

/** Two deployments that want the same lock, through a server whose Redis forgets once. @returns whether it came to that, and what was wrong */
const scene = async (lane: Lane, point: Point): Promise<{ readonly met: boolean; readonly wrong: string[] }> => {
  const { redis, store, queue } = lane
  const witness = createWitness()
  const ending = new AbortController()
  const shared = { log: () => {}, signal: ending.signal }
  let nth = 0
  let met = false
  const parts = intercepted(store, queue, async ({ name, isChange }, work) => {
    if (!isChange || met) return work()
    if (name === point.call && ++nth === point.nth) {
      met = true
      await redis.back(point.changes, sides[point.side])
    } else await redis.note()
    return work()
  })
  const worker = startSimWorker({ id: 'wrk_a', url: redis.url, store, witness, beatMs: 100, work: () => pause(30) })
  const jobs = [await deploy(store), await deploy(store)]
  // Nothing goes back to before these: what was asked for is there.
  for (let notes = 0; notes < 4; notes++) await redis.note()
  const loops = [
    startScheduler({ ...shared, ...parts, times: { sweepMs: 50, lookAfterMs: 200, takenMs: 1000, ghostMs: 500 } }),
    startLeftovers({ ...shared, store, everyMs: 100 }),
    startWatchdog({
      ...shared,
      fence: async () => {},
      store,
      queue,
      limits: { deadAfterMs: 600, claimMs: 300, writeLimitMs: 200, lookMs: 100, maxStarts: 50 },
    }),
  ]
  const wrong: string[] = []
  const check = async (what: string, is: () => Promise<boolean>): Promise<void> => {
    await eventually(is, 20_000).catch(async () => {
      const found = await Promise.all(jobs.map((job) => store.deployments.snapshot(job.deploymentId)))
      const keys = await redis.keys('tel:{[cr]*')
      wrong.push(`${JSON.stringify(point)}: ${what}: ${JSON.stringify({ keys, active: await store.deployments.active(), found })}`)
    })
  }
  await check('not finished', () => isOver(store, jobs))
  await check('left behind', () => isNothingHeld(lane, jobs))
  ending.abort()
  await Promise.all(loops.map(({ stopped }) => stopped))
  await worker.stop()
  // A lock that is forgotten while a job works under it is given to the next one: a cluster may lose that, one server and its replica do not.
  if (point.side !== 'locks') wrong.push(...witness.violations.map((text) => `${JSON.stringify(point)}: ${text}`))
  return { met, wrong }
}

test(
  `whatever Redis forgets, and whatever is done nevertheless: everything ends, one at a time, and nothing is left (${points.length} points)`,
  async () => {
    const waiting = points.values()
    const wrong: string[] = []
    let met = 0
    const through = async (lane: Lane): Promise<void> => {
      for (const point of waiting) {
        const outcome = await scene(lane, point)
        wrong.push(...outcome.wrong)
        if (outcome.met) met++
      }
    }
    await Promise.all(all.map(through))
    expect(wrong, `SOAK_SEED=${seed}`).toEqual([])
    // Otherwise little was tried.
    expect(met).toBeGreaterThan(points.length * 0.8)
  },
  60_000 + points.length * 20_000,
)

describe('what nobody knows of', () => {
  const places = { priority: 1, weight: 1, places: 1, waiting: 1 }
  const unknown = { deploymentId: 'dep_none', jobId: 'job_none' }
  const name = { clusterId: 'c', namespace: 'shop', subject: 'helm:web' }

  test('is taken out of rooms and locks, and who waits behind it is woken', async () => {
    const { store, redis } = all[0]!
    const waits = await deploy(store)
    const ref = { deploymentId: waits.deploymentId, jobId: waits.jobId }
    await store.rooms.enter('pool:x', unknown, places)
    await store.rooms.enter('pool:x', ref, places)
    await store.rooms.enter('pool:y', unknown, { ...places, places: 0 })
    await store.locks.update(name, () => ({ holder: { ...unknown, step: 'a', since: 1 }, queue: [{ ...ref, step: 'a', since: 2 }] }))
    await store.locks.update({ ...name, namespace: 'other' }, () => ({ queue: [{ ...unknown, step: 'a', since: 1 }] }))
    const woken: string[] = []
    const ending = new AbortController()
    const following = (async () => {
      for await (const ids of store.wakes.follow(ending.signal)) woken.push(...ids)
    })()
    await eventually(async () => {
      await store.wakes.send('dep_heard')
      return woken.includes('dep_heard')
    })
    expect(await sweepLeftovers(store)).toBe(4)
    expect(await sweepLeftovers(store)).toBe(0)
    expect(await store.locks.get(name)).toEqual({ queue: [{ ...ref, step: 'a', since: 2 }] })
    await eventually(() => woken.includes(waits.deploymentId))
    ending.abort()
    await following
    expect(await store.rooms.enter('pool:x', ref, places)).toEqual({ in: true, next: [] })
    await store.rooms.leave('pool:x', ref)
    await store.locks.update(name, () => ({ queue: [] }))
    expect(await redis.keys('tel:{[cr][lo]*')).toEqual([])
    await store.jobs.apply(waits, { type: 'cancel' })
    await store.jobs.settle(waits)
    await store.deployments.advance(waits.deploymentId, 'pending', 'finished', {}, { onlySettled: true })
  })
})

test('of two workers that began one attempt, since Redis forgot the first, only the second one’s word counts', async () => {
  const { store, redis } = all[0]!
  const job = await deploy(store)
  await store.jobs.apply(job, { type: 'admit' })
  await redis.note()
  expect(await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })).toMatchObject({ ok: true })
  await redis.back(1, '*')
  expect(await store.jobs.apply(job, { type: 'start', worker: 'wrk_b' })).toMatchObject({ ok: true, job: { attempt: 1 } })
  const says = async (worker: string, type: 'run' | 'verify' | 'finish', status: 'succeeded' | 'cancelled'): Promise<boolean> => {
    const word = { attempt: 1, worker }
    const event = type === 'finish' ? ({ ...word, type, end: { status, sentence: 'over' } } as const) : ({ ...word, type } as const)
    return (await store.jobs.apply(job, event)).ok
  }
  expect(await store.claims.renew(job, 1, 'wrk_a')).toMatchObject({ held: false })
  for (const type of ['run', 'verify', 'finish'] as const) {
    expect(await says('wrk_a', type, 'cancelled')).toBe(false)
    expect(await says('wrk_b', type, 'succeeded')).toBe(true)
    expect(await says('wrk_a', type, 'cancelled')).toBe(false)
    // Told again after a lost answer.
    expect(await says('wrk_b', type, 'succeeded')).toBe(true)
  }
  expect(await store.jobs.get(job)).toMatchObject({ status: 'succeeded' })
  await store.jobs.settle(job)
  await store.deployments.advance(job.deploymentId, 'pending', 'finished', {}, { onlySettled: true })
})

test('a deployment that has not ended and is on no list of active ones goes on', async () => {
  const { store, redis } = all[0]!
  const job = await deploy(store)
  await redis.command('ZREM', 'tel:{index}:active', job.deploymentId)
  const back: string[] = []
  await eventually(async () => back.push(...(await store.deployments.relist())) > 0)
  expect(back).toEqual([job.deploymentId])
  expect(await store.deployments.active()).toEqual([job.deploymentId])
  await store.jobs.apply(job, { type: 'cancel' })
  await store.jobs.settle(job)
  await store.deployments.advance(job.deploymentId, 'pending', 'finished', {}, { onlySettled: true })
})

test('a job at work has its lock again although Redis lost it, and one that has ended has not', async () => {
  const { store } = all[0]!
  const [job, other] = [await deploy(store), await deploy(store)]
  await store.jobs.apply(job, { type: 'admit' })
  expect(await keepLocks(store)).toBe(0)
  await store.jobs.apply(job, { type: 'start', worker: 'wrk_a' })
  await store.locks.update(job.lock, () => ({ queue: [{ deploymentId: other.deploymentId, jobId: other.jobId, step: 'a', since: 1 }] }))
  expect(await keepLocks(store)).toBe(1)
  expect(await keepLocks(store)).toBe(0)
  expect(await store.locks.get(job.lock)).toMatchObject({ holder: { jobId: job.jobId }, queue: [{ jobId: other.jobId }] })
  await store.jobs.apply(job, { type: 'finish', attempt: 1, worker: 'wrk_a', end: { status: 'succeeded', sentence: 'done' } })
  await store.locks.update(job.lock, () => ({ queue: [] }))
  expect(await keepLocks(store)).toBe(0)
  await store.jobs.apply(other, { type: 'cancel' })
  for (const one of [job, other]) {
    await store.jobs.settle(one)
    await store.deployments.advance(one.deploymentId, 'pending', 'finished', {}, { onlySettled: true })
  }
})

test('a deployment ends, and a job is settled, only where its end is known', async () => {
  const { store } = all[0]!
  const job = await deploy(store)
  const isSettled = async (): Promise<boolean> => (await store.deployments.snapshot(job.deploymentId)).jobs.every(({ settled }) => settled)
  const finish = (): Promise<boolean> =>
    store.deployments.advance(job.deploymentId, 'pending', 'finished', { result: 'success', endedAt: 1 }, { onlySettled: true })
  await store.jobs.settle(job)
  expect(await isSettled()).toBe(false)
  expect(await store.jobs.isOver(job)).toBe(false)
  expect(await finish()).toBe(false)
  await store.deployments.forget(job.deploymentId)
  expect(await store.deployments.active()).toEqual([job.deploymentId])
  await store.jobs.apply(job, { type: 'cancel' })
  expect(await finish()).toBe(false)
  await store.jobs.settle(job)
  expect(await isSettled()).toBe(true)
  expect(await store.jobs.isOver(job)).toBe(true)
  expect(await finish()).toBe(true)
  expect(await store.deployments.active()).toEqual([])
})
