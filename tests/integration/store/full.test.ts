import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newId } from '../../../src/model/ids.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { startScheduler } from '../../../src/scheduler/index.ts'
import { startRetention } from '../../../src/server/retention.ts'
import type { Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { sampleEntry } from '../../support/samples.ts'
import { createWitness, startSimWorker } from '../../support/simworker.ts'
import { newTarget, type ServedApi, serveApi, somePackage } from '../server/api.ts'

const maxBytes = 24_000_000

let redis: OwnRedis
let served: ServedApi
let store: Store
let queue: Queue
let stop: AbortController
const ends: (() => Promise<unknown>)[] = []
beforeEach(async () => {
  redis = await startOwnRedis({ maxmemory: String(maxBytes) })
  served = await serveApi({ redisUrl: redis.url })
  store = served.store
  queue = openQueue({ url: redis.url })
  stop = new AbortController()
  const scheduler = startScheduler({ store, queue, log: () => {}, signal: stop.signal, times: { sweepMs: 200, lookAfterMs: 1000 } })
  ends.push(() => scheduler.stopped)
})
afterEach(async () => {
  stop.abort()
  for (const end of ends.splice(0).reverse()) await end()
  await queue.close()
  await served.close()
  await redis.stop()
})

/** Something that is not ours takes the rest of the memory, to the last byte that Redis gives. */
const fill = async (): Promise<void> => {
  let size = 1_000_000
  let refused = 0
  // Redis' own buffers come and go meanwhile: it is full when the smallest is refused a few times running.
  for (let index = 0; refused < 3; index++) {
    const answer = (await redis.ask('SET', `stuffing:${index}`, 'x'.repeat(size))).join('')
    if (!answer.includes('OOM')) refused = 0
    else if (size > 16) size = Math.floor(size / 2)
    else refused++
  }
}
const free = async (): Promise<void> => {
  const keys = (await redis.ask('KEYS', 'stuffing:*')).filter((key) => key.startsWith('stuffing'))
  // One at a time: they lie in different slots.
  for (const key of keys) expect(await redis.ask('DEL', key)).toEqual(['1'])
}

const prepare = async (): Promise<(steps: number) => Promise<Response>> => {
  await served.call('POST', '/v1/targets', newTarget('one'))
  const { sha256 } = (await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }
  return (steps) =>
    served.call('POST', '/v1/deployments', {
      steps: Array.from({ length: steps }, (_, index) => ({ kind: 'apply', name: `step-${index}`, package: sha256 })),
      targets: ['one'],
    })
}

const idOf = async (response: Response): Promise<string> => ((await response.json()) as { deployment: { id: string } }).deployment.id

test('full mid-run: new ones are refused, the running one comes to its right end, and all goes on when there is room', async () => {
  const start = await prepare()
  const [reached, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isFirst = true
  const worker = startSimWorker({
    id: newId('wrk'),
    url: redis.url,
    store,
    witness: createWitness(),
    work: async (job) => {
      if (!isFirst) return
      isFirst = false
      const log = store.logs(job)
      await log.append([{ stream: 'stdout', text: 'before', at: 1 }])
      reached.resolve()
      await mayEnd.promise
      await log.append([
        { stream: 'stdout', text: 'during', at: 1 },
        { stream: 'stdout', text: 'during too', at: 1 },
      ])
      await log.end()
      await store.packages.get(job.step.package)
      await store.ledger(job).append([sampleEntry()])
      const events = store.events(job.deploymentId)
      events.emit({ type: 'notice', at: 1, level: 'info', message: 'written although Redis is full' })
      await events.flush()
    },
  })
  ends.push(
    () => worker.stop(),
    async () => mayEnd.resolve(),
  )
  const id = await idOf(await start(1))
  await reached.promise
  await fill()
  const before = (await redis.ask('KEYS', 'tel:*')).toSorted()

  // What is known of the memory may be a second old.
  await eventually(async () => (await store.memory.look(0))[0]?.level === 'reserve')
  // New ones are refused at once, with what to do, and nothing of them is there.
  for (const refused of [await start(1), await served.call('POST', '/v1/packages', somePackage())]) {
    expect(refused.status).toBe(507)
    expect(await refused.json()).toMatchObject({ name: 'redis_full', code: 'TEL-1206', hint: expect.stringContaining('maxmemory') })
  }
  expect((await redis.ask('KEYS', 'tel:*')).toSorted()).toEqual(before)
  expect(await store.deployments.active()).toEqual([id])

  const began = performance.now()
  mayEnd.resolve()
  await eventually(async () => (await store.deployments.get(id)).deployment.state === 'finished', 20_000)
  expect(performance.now() - began).toBeLessThan(15_000)
  const { deployment, jobs } = await store.deployments.get(id)
  expect([deployment.result, jobs[0]?.status, jobs[0]?.attempt]).toEqual(['success', 'succeeded', 1])
  const [job] = jobs
  if (job === undefined) throw new Error('no job')
  expect((await collect(store.logs(job).read({ follow: false }))).map(({ text }) => text)).toEqual([
    'before',
    '… 2 lines were left out here: Redis had no room for logs …',
  ])
  expect(await store.ledger(job).read()).toHaveLength(1)
  const messages = (await collect(store.events(id).read({ follow: false }))).map((event) => ('message' in event ? event.message : ''))
  expect(messages).toContain('written although Redis is full')
  expect(await redis.ask('EXISTS', `tel:{${id}}:record:none`)).toEqual(['0'])

  await free()
  await eventually(async () => (await start(1)).status === 202)
  await eventually(async () => (await store.deployments.active()).length === 0)
}, 60_000)

test('a deployment whose next step finds Redis full waits for room, and goes on', async () => {
  const start = await prepare()
  const reached = Promise.withResolvers<void>()
  const filled = Promise.withResolvers<void>()
  const worker = startSimWorker({
    id: newId('wrk'),
    url: redis.url,
    store,
    witness: createWitness(),
    work: async ({ stepIndex }) => {
      if (stepIndex > 0) return
      reached.resolve()
      await filled.promise
    },
  })
  ends.push(
    () => worker.stop(),
    async () => filled.resolve(),
  )
  const id = await idOf(await start(3))
  await reached.promise
  await fill()
  filled.resolve()
  await eventually(async () => (await store.deployments.get(id)).jobs[0]?.status === 'succeeded')
  const { deployment, jobs } = await store.deployments.get(id)
  expect(deployment.state).not.toBe('finished')
  expect(jobs.map(({ status }) => status)).not.toContain('lost')
  await free()
  await eventually(async () => (await store.deployments.get(id)).deployment.state === 'finished', 40_000)
  const after = await store.deployments.get(id)
  expect(after.deployment.result).toBe('success')
  expect(after.jobs.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
}, 60_000)

test('from 70 % on it warns, and the oldest logs go early with a word about it; what runs keeps its own', async () => {
  const start = await prepare()
  const ended: string[] = []
  const write = async (id: string): Promise<void> => {
    for (const job of (await store.deployments.get(id)).jobs) {
      const log = store.logs(job)
      // Random, so that compression leaves most of it.
      const lines = Array.from({ length: 5 }, () => randomBytes(150_000).toString('base64'))
      await log.append(lines.map((text) => ({ stream: 'stdout' as const, text, at: 1 })))
      await log.end()
    }
  }
  stop.abort()
  for (let index = 0; index < 8; index++) {
    const id = await idOf(await start(1))
    await write(id)
    await store.deployments.advance(id, 'pending', 'finished', { result: 'success', endedAt: Date.now() - (index < 6 ? 7_200_000 : 0) })
    ended.push(id)
  }
  const running = await idOf(await start(1))
  await write(running)
  const ratio = async (): Promise<number> => (await store.memory.look(0))[0]?.ratio ?? 0
  expect(await ratio()).toBeLessThan(0.7)
  for (let index = 0; (await ratio()) < 0.76; index++) await redis.ask('SET', `stuffing:${index}`, 'x'.repeat(100_000))

  await eventually(async () => (await store.memory.look(0))[0]?.level === 'warn')
  const ready = (await (await served.call('GET', '/readyz', undefined, {})).json()) as { warnings?: string[] }
  expect(ready.warnings).toEqual(['Redis is getting full'])
  const shown = (await (await served.call('GET', '/v1/store')).json()) as { warnings: string[]; redis: { level: string }[] }
  expect(shown.warnings[0]).toMatch(/has used 7\d % of its 24\.0 MB: the oldest logs are removed early/)
  const metrics = await (await served.call('GET', '/metrics')).text()
  expect(metrics).toContain('telpher_redis_max_bytes{redis="store"} 24000000')
  expect(metrics).toContain('telpher_redis_level{redis="store"} 1')

  const closing = new AbortController()
  const retention = startRetention({ store, log: () => {}, signal: closing.signal, times: { memoryMs: 50 } })
  await eventually(async () => (await store.memory.look(0))[0]?.level === 'ok')
  closing.abort()
  await retention.stopped
  const firstLine = async (id: string): Promise<string> => {
    const [job] = (await store.deployments.get(id)).jobs
    return job === undefined ? '' : ((await collect(store.logs(job).read({ follow: false })))[0]?.text ?? '')
  }
  expect(await firstLine(ended[0] ?? '')).toBe('the log was removed before its time: Redis was short of memory')
  for (const id of [...ended.slice(5), running]) expect((await firstLine(id)).length, id).toBe(200_000)
  expect((await store.deployments.get(ended[0] ?? '')).deployment.result).toBe('success')
}, 60_000)
