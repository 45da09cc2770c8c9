import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Job } from '../../../src/model/deployment.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { type ClusterRedis, startClusterRedis } from '../../../src/sandbox/redis-cluster.ts'
import { type SentinelRedis, startSentinelRedis } from '../../../src/sandbox/redis-sentinel.ts'
import { expand, startScheduler, startWatchdog } from '../../../src/scheduler/index.ts'
import { openStore, type Store, untilThrough } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { applyStep, helmStep, sampleRequest, sampleTarget } from '../../support/samples.ts'
import { createWitness, startSimWorker, type Witness } from '../../support/simworker.ts'

const stopping: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (let stop = stopping.pop(); stop !== undefined; stop = stopping.pop()) await stop()
})

/** How a fail-over is brought about; it resolves when another master serves. */
interface Scene {
  readonly url: string
  failover(): Promise<void>
}

const folder = async (): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-failover-'))
  stopping.push(() => rm(dir, { recursive: true, force: true }))
  return dir
}
const anotherServes = async (redis: SentinelRedis, before: number): Promise<void> => {
  await eventually(async () => (await redis.master()).port !== before, 60_000, 100)
}
const sentinelScene = async (signal: 'SIGKILL' | 'SIGSTOP'): Promise<Scene> => {
  const redis = await startSentinelRedis({ dir: await folder(), temporary: true })
  stopping.push(redis.stop)
  return {
    url: redis.url,
    failover: async () => {
      const master = await redis.master()
      await master.kill(signal)
      await anotherServes(redis, master.port)
      // The old one comes back as it was, and is made a replica.
      if (signal === 'SIGKILL') await master.restart()
      else await master.kill('SIGCONT')
    },
  }
}
const clusterScene = async (): Promise<Scene> => {
  const redis: ClusterRedis = await startClusterRedis({ dir: await folder(), temporary: true, replicas: true })
  stopping.push(redis.stop)
  return {
    url: redis.url,
    failover: async () => {
      // The workers' heartbeats are here: `{workers}`.
      const [first] = redis.masters
      const place = await first!.command('CLUSTER', 'KEYSLOT', '{workers}')
      const slot = Number(/:(\d+)/.exec(place)?.[1])
      const index = Math.floor((slot * 3) / 16_384)
      await redis.masters[index]!.kill('SIGKILL')
      await eventually(async () => (await redis.replicas[index]!.command('ROLE')).includes('master'), 60_000, 100)
      await redis.masters[index]!.restart()
    },
  }
}

const scenes: Readonly<Record<string, () => Promise<Scene>>> = {
  'Sentinel, the master killed': () => sentinelScene('SIGKILL'),
  ...(process.env['SOAK_FAILOVERS'] === undefined
    ? {}
    : { 'Sentinel, the master stopped': () => sentinelScene('SIGSTOP'), 'Cluster, a master killed': clusterScene }),
}

const startServer = (store: Store, queue: Queue, said: object[]): void => {
  const ending = new AbortController()
  const shared = { store, queue, log: (line: object) => said.push(line), signal: ending.signal }
  const scheduler = startScheduler({ ...shared, times: { sweepMs: 500, lookAfterMs: 4000, takenMs: 8000 } })
  const watchdog = startWatchdog({
    fence: async () => {},
    ...shared,
    limits: { deadAfterMs: 6000, claimMs: 3000, writeLimitMs: 1000, lookMs: 500 },
  })
  stopping.push(async () => {
    ending.abort()
    await Promise.all([scheduler.stopped, watchdog.stopped])
  })
}
const deploy = async (store: Store, index: number): Promise<Job[]> => {
  const target = sampleTarget(`t${index % 4}`)
  const step = index % 2 === 0 ? applyStep('a') : helmStep('h', `release${index % 5}`)
  const { deployment, jobs } = expand({ ...sampleRequest([step], [target.name]), name: `n${index}` }, [target], Date.now())
  await untilThrough(() => store.deployments.create(deployment, jobs))
  return jobs
}
const doubled = ({ starts }: Witness): string[] => [...starts].filter(([, attempts]) => attempts.length > 1).map(([job]) => job)

test.each(Object.entries(scenes))('a fail-over is nobody’s death, and loses and doubles nothing: %s', async (_, start) => {
  const { url, failover } = await start()
  const store = await openStore({ url, timeoutMs: 2000 })
  const queue = openQueue({ url, timeoutMs: 2000 })
  stopping.push(() => store.close(), queue.close)
  const said: object[] = []
  startServer(store, queue, said)
  const witness = createWitness()
  const hold = Promise.withResolvers<void>()
  // Each job lasts over the fail-over, but for those that begin after it.
  const work = (): Promise<void> => hold.promise
  const workers = ['wrk_a', 'wrk_b'].map((id) => startSimWorker({ id, url, store, witness, concurrency: 6, beatMs: 1000, work }))
  stopping.push(...workers.map(({ stop }) => stop))
  const asked: Job[] = []
  for (let index = 0; index < 12; index++) asked.push(...(await deploy(store, index)))
  await eventually(() => witness.starts.size >= 5)
  await failover()
  for (let index = 12; index < 20; index++) asked.push(...(await deploy(store, index)))
  hold.resolve()
  await eventually(async () => (await store.deployments.active()).length === 0, 90_000, 200)
  const ends = await Promise.all(asked.map((job) => store.jobs.get(job)))
  expect(ends.filter(({ status }) => status !== 'succeeded')).toEqual([])
  expect(witness.violations).toEqual([])
  expect(doubled(witness)).toEqual([])
  expect(said.filter((line) => 'msg' in line && line.msg === 'an attempt was lost')).toEqual([])
})

test('what was confirmed by a replica outlives the master that took it', async () => {
  const redis = await startSentinelRedis({ dir: await folder(), temporary: true })
  stopping.push(redis.stop)
  const store = await openStore({ url: redis.url, timeoutMs: 2000 })
  stopping.push(() => store.close())
  const master = await redis.master()
  const jobs: Job[] = []
  for (let index = 0; index < 20; index++) jobs.push(...(await deploy(store, index)))
  // At once, and for good: what it had not passed on is gone.
  await master.kill('SIGKILL')
  await anotherServes(redis, master.port)
  await Promise.all(jobs.map((job) => untilThrough(() => store.jobs.get(job))))
  expect((await untilThrough(() => store.deployments.active())).length).toBe(20)
})

test('a replica that does not confirm in time holds up an answer no longer, and is said', async () => {
  const redis = await startSentinelRedis({ dir: await folder(), temporary: true, downMs: 60_000 })
  stopping.push(redis.stop)
  const said: object[] = []
  const store = await openStore({ url: `${redis.url}?wait_ms=300`, log: (line) => said.push(line) })
  stopping.push(() => store.close())
  await redis.nodes[1]!.kill('SIGSTOP')
  const [job] = await deploy(store, 1)
  expect(said).toContainEqual(expect.objectContaining({ msg: expect.stringContaining('no replica confirmed in time') }))
  expect((await store.jobs.get(job!)).status).toBe('pending')
  await redis.nodes[1]!.kill('SIGCONT')
})
