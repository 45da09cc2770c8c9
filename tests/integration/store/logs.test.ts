import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Job, LogLine } from '../../../src/model/deployment.ts'
import { expand } from '../../../src/scheduler/index.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { collect } from '../../support/collect.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../../support/samples.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url, timeoutMs: 1000, limits: { logHeadBytes: 300_000, logTailBytes: 300_000 } })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const create = async (): Promise<Job> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('s')], ['t']), [sampleTarget('t')], Date.now())
  await store.deployments.create(deployment, jobs)
  return jobs[0]!
}
const lineOf = (text: string) => ({ stream: 'stdout', text, at: 1 }) as const
const numbers = (lines: readonly LogLine[]): number[] => lines.map(({ n }) => n)

test('numbers lines over all writers, whatever their bytes', async () => {
  const job = await create()
  await store.logs(job).append([lineOf('eins'), { stream: 'stderr', text: 'zwölf 🦊', at: 2 }])
  await store.logs(job).append([lineOf(''), lineOf('\u001b[31mred')])
  expect(await collect(store.logs(job).read({ follow: false }))).toEqual([
    { n: 1, at: 1, stream: 'stdout', text: 'eins' },
    { n: 2, at: 2, stream: 'stderr', text: 'zwölf 🦊' },
    { n: 3, at: 1, stream: 'stdout', text: '' },
    { n: 4, at: 1, stream: 'stdout', text: '\u001b[31mred' },
  ])
  expect(numbers(await collect(store.logs(job).read({ follow: false, after: 3 })))).toEqual([4])
})

test('keeps head and tail of a long log, and says what is missing', async () => {
  const job = await create()
  const log = store.logs(job)
  const text = 'x'.repeat(99)
  for (let batch = 0; batch < 40; batch++) await log.append(Array.from({ length: 500 }, () => lineOf(text)))
  const lines = await collect(store.logs(job).read({ follow: false }))
  const at = lines.findIndex(({ stream }) => stream === 'system')
  const notice = lines[at]!
  const first = lines[at + 1]!.n
  const missing = first - lines[at - 1]!.n - 1
  expect(notice).toMatchObject({ n: first - 1, text: `… ${missing} lines (${((missing * 100) / 1e6).toFixed(1)} MB) were left out here …` })
  expect(lines.at(-1)?.n).toBe(20_000)
  const kept = (lines.length - 1) * 100
  expect(kept).toBeGreaterThan(400_000)
  expect(kept).toBeLessThanOrEqual(600_000)
  expect(numbers(await collect(store.logs(job).read({ follow: false, after: notice.n })))).toEqual(numbers(lines.slice(at + 1)))
})

test('cuts a line that would fill the log', async () => {
  const job = await create()
  await store.logs(job).append([lineOf('ü'.repeat(200_000))])
  const [line] = await collect(store.logs(job).read({ follow: false }))
  expect(line?.text.endsWith('… 137.9 kB of this line were left out')).toBe(true)
  expect(line?.text).not.toContain('�')
})

test('follows a log as it grows, without a gap although its middle is dropped, to its end', async () => {
  const job = await create()
  const following = collect(store.logs(job).read({ follow: true }))
  const log = store.logs(job)
  // The reader is let to keep up: it reads at least what the tail still holds.
  for (let round = 0; round < 10; round++)
    await log.append(Array.from({ length: 100 }, (_, index) => lineOf(`${round * 100 + index + 1} ${'y'.repeat(90)}`)))
  await log.end()
  const lines = await following
  expect(numbers(lines)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
})

test('ends those who follow a job that has ended without a word', async () => {
  const job = await create()
  const following = collect(store.logs(job).read({ follow: true }))
  await store.jobs.apply(job, { type: 'cancel' })
  expect(await following).toEqual([])
})

test('stores each line once while Redis is killed', async () => {
  const job = await create()
  const log = store.logs(job)
  const following = collect(log.read({ follow: true }))
  const appends: Promise<void>[] = []
  for (let batch = 0; batch < 30; batch++) {
    appends.push(log.append(Array.from({ length: 10 }, (_, index) => lineOf(`line ${batch * 10 + index + 1}`))))
    if (batch === 10) await redis.kill()
    if (batch === 20) await redis.start()
  }
  await Promise.all(appends)
  await log.end()
  expect((await following).map(({ text }) => text)).toEqual(Array.from({ length: 300 }, (_, index) => `line ${index + 1}`))
})

test('gives windows by line, true across the gap, and the last lines', async () => {
  const job = await create()
  const log = store.logs(job)
  for (let batch = 0; batch < 40; batch++)
    await log.append(Array.from({ length: 500 }, (_, index) => lineOf(`${batch * 500 + index + 1} `.padEnd(99, 'x'))))
  const open = await log.window({ from: 1, limit: 3 })
  expect(open).toMatchObject({ total: 20_000, bytes: 2_000_000, complete: false, next: 4 })
  expect(numbers(open.lines)).toEqual([1, 2, 3])
  const gap = open.gap!
  expect(gap.lines).toBe(gap.to - gap.from + 1)
  expect(gap.bytes).toBe(gap.lines * 100)
  const across = await log.window({ from: gap.from - 2, limit: 4 })
  expect(numbers(across.lines)).toEqual([gap.from - 2, gap.from - 1, gap.to + 1, gap.to + 2])
  for (const { n, text } of across.lines) expect(text.startsWith(`${n} `)).toBe(true)
  expect(numbers((await log.window({ from: gap.from + 5, limit: 1 })).lines)).toEqual([gap.to + 1])
  await log.end()
  const last = await log.window({ tail: 3, limit: 1000 })
  expect(last.complete).toBe(true)
  expect(last.next).toBeUndefined()
  expect(numbers(last.lines)).toEqual([19_998, 19_999, 20_000])
  expect((await log.window({ from: 20_001, limit: 10 })).lines).toEqual([])
  expect(numbers(await collect(log.read({ follow: false, after: 19_990 })))).toEqual(
    Array.from({ length: 10 }, (_, index) => 19_991 + index),
  )
})

test('counts every match of every kept line, by block', async () => {
  const job = await create()
  const log = store.logs(job)
  for (let batch = 0; batch < 5; batch++)
    await log.append(Array.from({ length: 700 }, (_, index) => lineOf(index % 100 === 7 ? `An ERROR in ${batch}` : 'all is well')))
  const found = await log.search({ text: 'error', ignoreCase: true, limit: 10 })
  expect(found).toMatchObject({ matches: 35, searched: 3500, total: 3500 })
  expect(numbers(found.lines)).toEqual([8, 108, 208, 308, 408, 508, 608, 708, 808, 908])
  expect(found.blocks.map(({ matches }) => matches)).toEqual([7, 7, 7, 7, 7])
  expect(found.blocks[1]).toMatchObject({ from: 701, to: 1400 })
  expect((await log.search({ text: 'error', ignoreCase: false, limit: 10 })).matches).toBe(0)
})

test('goes on after its end when another attempt writes on', async () => {
  const job = await create()
  const log = store.logs(job)
  await log.append([lineOf('one')])
  await log.end()
  await store.logs(job).append([lineOf('two')])
  expect((await log.window({ limit: 10 })).complete).toBe(false)
  await store.logs(job).end()
  expect((await collect(log.read({ follow: false }))).map(({ text }) => text)).toEqual(['one', 'two'])
})
