import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { expand, startScheduler, startWatchdog } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { mortal } from '../../support/mortal.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { seededRandom } from '../../support/random.ts'
import { applyStep, helmStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'

/** `npm run soak` has 1,000, with the limits of a real watchdog. */
const contenders = Number(process.env['CONTENDERS'] ?? 120)
const seed = Number(process.env['SOAK_SEED'] ?? 5)
const locks = 20
const isLong = contenders >= 1000
const kills = Math.ceil(contenders / 20)
/**
 * Under each lock something moves at least so often: an attempt begins, works or ends. One death costs no more than this; where the
 * worker of the next attempt dies as well, its work waits as much again, which is no stall of the queue.
 */
const maxStallMs = 15_000

let redis: OwnRedis
let store: Store
let queue: Queue
const stops: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
  queue = openQueue({ url: redis.url })
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  await Promise.all([store.close(), queue.close()])
  await redis.stop()
})

test(
  `${contenders} contend for ${locks} locks while workers and servers die: first come, first served, one at a time`,
  async () => {
    const random = seededRandom(seed)
    const witness = createWitness()
    const lockOf = ({ lock }: Job): string => `${lock.clusterId} ${lock.subject}`
    /** Lock to when something last moved under it, and to the longest time that nothing did. */
    const moved = new Map<string, number>()
    const stalls = new Map<string, number>()
    /** Lock to when it was last worked under and how many attempts have begun since; and the longest time without, with that number. */
    const worked = new Map<string, { at: number; begun: number }>()
    let longest = { ms: 0, begun: 0 }
    const noteWork = (job: Job): void => {
      const { at, begun } = worked.get(lockOf(job)) ?? { at: performance.now(), begun: 0 }
      if (performance.now() - at > longest.ms) longest = { ms: Math.round(performance.now() - at), begun }
      worked.set(lockOf(job), { at: performance.now(), begun: 0 })
    }
    const touch = (job: Job): void => {
      const lock = lockOf(job)
      const now = performance.now()
      stalls.set(lock, Math.max(stalls.get(lock) ?? 0, now - (moved.get(lock) ?? now)))
      moved.set(lock, now)
    }
    let isOpen = false
    let deaths = 0

    const startWorker = (id: string): void => {
      const worker = startSimWorker({
        id,
        url: redis.url,
        store,
        witness,
        concurrency: 8,
        beatMs: isLong ? 2000 : 300,
        onStart(job) {
          touch(job)
          const last = worked.get(lockOf(job))
          if (last !== undefined) last.begun++
        },
        dies: () => {
          if (!isOpen || deaths >= kills || random() > 0.1) return undefined
          deaths++
          startWorker(`${id}+`)
          return { openWrites: 0 }
        },
        work: async (job) => {
          touch(job)
          noteWork(job)
          if (isOpen) await pause(20 + random() * 60)
          else await eventually(() => isOpen, 120_000, 20)
          touch(job)
          noteWork(job)
        },
      })
      stops.push(() => worker.stop())
    }
    for (let index = 0; index < 4; index++) startWorker(`wrk_${index}`)

    let serverDeaths = 0
    const startServer = (): void => {
      const ending = new AbortController()
      const doomed = mortal(store, queue, 30 + Math.floor(random() * 300), random() < 0.5)
      // Those that come last live, so that it ends.
      const parts = serverDeaths >= kills ? { store, queue } : { store: doomed.store, queue: doomed.queue }
      const scheduler = startScheduler({ ...parts, log: () => {}, signal: ending.signal })
      const watchdog = startWatchdog({
        fence: async () => {},
        ...{ store, queue, log: () => {}, signal: ending.signal },
        ...(isLong ? {} : { limits: { deadAfterMs: 2000, claimMs: 1000, writeLimitMs: 1000, lookMs: 300 } }),
      })
      const watching = setInterval(() => {
        if (!doomed.isDead() || serverDeaths >= kills) return
        clearInterval(watching)
        serverDeaths++
        ending.abort()
        startServer()
      }, 20)
      stops.push(async () => {
        clearInterval(watching)
        ending.abort()
        await watchdog.stopped
        if (!doomed.isDead()) await scheduler.stopped
      })
    }
    startServer()
    startServer()

    const begun = Date.now()
    const create = async (index: number): Promise<Job> => {
      const lock = index % locks
      const step = lock % 2 === 0 ? helmStep('app', `release${lock}`) : applyStep(`app${lock}`)
      const { deployment, jobs } = expand(sampleRequest([step], ['t']), [sampleTarget('t')], begun + index)
      await store.deployments.create(deployment, jobs)
      return jobs[0] as Job
    }
    const first = await Promise.all(Array.from({ length: locks }, (_, index) => create(index)))
    await eventually(() => moved.size === locks, 30_000)
    const waiting: Job[] = []
    for (let index = locks; index < locks + contenders; index++) waiting.push(await create(index))
    // Who has not asked yet stands in no queue: they all do before the first lock is given back.
    await eventually(
      async () => {
        const all = await Promise.all(first.map(({ lock }) => store.locks.get(lock)))
        return all.reduce((sum, lock) => sum + lock.queue.length, 0) === contenders
      },
      120_000,
      50,
    )
    isOpen = true
    for (const lock of moved.keys()) moved.set(lock, performance.now())
    for (const last of worked.values()) last.at = performance.now()
    await eventually(async () => (await store.deployments.active()).length === 0, 60_000 + contenders * 600, 100)

    const ended = await Promise.all(waiting.map((job) => store.deployments.snapshot(job.deploymentId)))
    const jobs = ended.flatMap((snapshot) => snapshot.jobs)
    expect(jobs.filter(({ job }) => job.status !== 'succeeded' && job.status !== 'lost')).toEqual([])
    expect(witness.violations).toEqual([])
    for (const [lock, line] of Map.groupBy(jobs, ({ job }) => lockOf(job))) {
      const served = line.toSorted((a, b) => (a.admittedAt ?? 0) - (b.admittedAt ?? 0)).map(({ job }) => job.createdAt)
      expect(served, lock).toEqual(served.toSorted((a, b) => a - b))
    }
    console.info(JSON.stringify({ contenders, seed, deaths, serverDeaths, stallMs: Math.round(Math.max(...stalls.values())), longest }))
    expect(Math.max(...stalls.values())).toBeLessThan(maxStallMs)
    expect(deaths).toBe(kills)
    expect(serverDeaths).toBeGreaterThan(kills / 2)
    for (const { lock } of first) expect(await store.locks.get(lock)).toMatchObject({ queue: [] })
  },
  120_000 + contenders * 700,
)
