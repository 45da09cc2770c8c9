import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Consumer, consume, openQueue, type Queue, type QueueItem } from '../../../src/queue/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis
let queue: Queue
const consumers: Consumer[] = []
beforeAll(async () => {
  redis = await startOwnRedis()
  queue = openQueue({ url: redis.url })
})
afterAll(async () => {
  await Promise.all(consumers.map((consumer) => consumer.close()))
  await queue.close()
  await redis.stop()
})

const item = (jobId: string, attempt = 1): QueueItem => ({ kind: 'job', deploymentId: 'dep_1', jobId, attempt })
const take = (pool: string, handler: (item: QueueItem) => Promise<void>, concurrency = 1): Consumer => {
  const consumer = consume({ url: redis.url, pool, concurrency, handler })
  consumers.push(consumer)
  return consumer
}

test('holds an item once, until it was handled', async () => {
  const first = item('job_a')
  expect(await queue.holds('once', first)).toBe('absent')
  await queue.enqueue('once', first)
  await queue.enqueue('once', first)
  await queue.enqueue('once', item('job_a', 2))
  await queue.enqueue('once', { kind: 'check', checkId: 'chk_1', target: 't' })
  expect(await queue.depth('once')).toBe(3)
  expect(await queue.holds('once', first)).toBe('waiting')
  const taken: QueueItem[] = []
  let go = (): void => {}
  const gate = new Promise<void>((resolve) => {
    go = resolve
  })
  take('once', async (next) => {
    taken.push(next)
    await gate
  })
  await eventually(() => taken.length === 1)
  expect(await queue.holds('once', first)).toBe('taken')
  go()
  await eventually(() => taken.length === 3)
  expect(taken).toEqual([first, item('job_a', 2), { kind: 'check', checkId: 'chk_1', target: 't' }])
  await eventually(async () => (await queue.holds('once', first)) === 'absent')
  // What was lost after it was handled can be enqueued again under the same id.
  await queue.enqueue('once', first)
  await eventually(() => taken.length === 4)
})

test('drops what its handler throws, and goes on', async () => {
  const lines: object[] = []
  const taken: string[] = []
  const handler = async (next: QueueItem): Promise<void> => {
    if (next.kind === 'job') taken.push(next.jobId)
    if (taken.length === 1) throw new Error('no')
  }
  consumers.push(consume({ url: redis.url, pool: 'throws', concurrency: 1, handler, log: (line) => lines.push(line) }))
  await queue.enqueue('throws', item('job_b'))
  await queue.enqueue('throws', item('job_c'))
  await eventually(() => taken.length === 2)
  expect(taken).toEqual(['job_b', 'job_c'])
  await eventually(async () => (await queue.holds('throws', item('job_b'))) === 'absent')
  expect(lines).toMatchObject([{ level: 'error', error: 'no' }])
})

test('takes nothing while paused, and as many at once as it may', async () => {
  let active = 0
  let most = 0
  const done: string[] = []
  const consumer = take(
    'paused',
    async (next) => {
      active++
      most = Math.max(most, active)
      await eventually(() => most >= 3, 200).catch(() => {})
      active--
      if (next.kind === 'job') done.push(next.jobId)
    },
    3,
  )
  await consumer.pause()
  for (let index = 0; index < 9; index++) await queue.enqueue('paused', item(`job_${index}`))
  expect(await queue.depth('paused')).toBe(9)
  await consumer.resume()
  await eventually(() => done.length === 9)
  expect(most).toBe(3)
})

test('waits at its close for what was taken', async () => {
  let isDone = false
  let isTaken = false
  const consumer = take('closing', async () => {
    isTaken = true
    await new Promise((resolve) => setTimeout(resolve, 300))
    isDone = true
  })
  await queue.enqueue('closing', item('job_z'))
  await eventually(() => isTaken)
  await consumer.close()
  expect(isDone).toBe(true)
})

test('what was on its way when one closed is put back, and another one does it', async () => {
  const taken: QueueItem[] = []
  const first = Promise.withResolvers<void>()
  const consumer = take('late', async (next) => {
    taken.push(next)
    await first.promise
  })
  await queue.enqueue('late', item('job_first'))
  await queue.enqueue('late', item('job_late'))
  await eventually(() => taken.length === 1)
  await redis.freeze()
  first.resolve()
  // With the end of the first item it has asked for the next one by then.
  await new Promise((resolve) => setImmediate(resolve))
  await consumer.pause()
  const closed = consumer.close()
  await redis.thaw()
  await closed
  expect(taken).toEqual([item('job_first')])
  expect(await queue.holds('late', item('job_late'))).toBe('waiting')
  expect(await redis.ask('HGET', '{tel-pool-late}:jobs:job_late-1', 'ats')).toEqual(['1'])
  take('late', async (next) => void taken.push(next))
  await eventually(() => taken.length === 2)
  expect(taken).toEqual([item('job_first'), item('job_late')])
})

test('what was on its way when one paused is done, and waited for at its close', async () => {
  const first = Promise.withResolvers<void>()
  const last = Promise.withResolvers<void>()
  const taken: QueueItem[] = []
  let isDone = false
  const consumer = take('paused-late', async (next) => {
    taken.push(next)
    await (taken.length === 1 ? first : last).promise
    isDone = taken.length === 2
  })
  await queue.enqueue('paused-late', item('job_first'))
  await queue.enqueue('paused-late', item('job_late'))
  await eventually(() => taken.length === 1)
  await redis.freeze()
  first.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  await consumer.pause()
  await redis.thaw()
  await eventually(() => taken.length === 2)
  const closed = consumer.close()
  last.resolve()
  await closed
  expect(isDone).toBe(true)
  expect(await queue.holds('paused-late', item('job_late'))).toBe('absent')
})

test('what one leaves to others is put back, without spinning, and another one finds it soon', async () => {
  const tries: number[] = []
  const begun = performance.now()
  const leave = async (next: QueueItem): Promise<unknown> => {
    if (next.kind === 'job' && next.jobId === 'job_newer') {
      tries.push(performance.now() - begun)
      return 'later'
    }
    return undefined
  }
  consumers.push(consume({ url: redis.url, pool: 'left', concurrency: 2, handler: leave }))
  await queue.enqueue('left', item('job_newer'))
  await queue.enqueue('left', item('job_older'))
  await eventually(() => tries.length === 4, 10_000)
  // 250, 500 and 1000 ms, and what it takes to take it.
  expect(tries.at(-1)).toBeGreaterThan(1700)
  expect(await queue.holds('left', item('job_newer'))).toBe('waiting')
  expect(await queue.holds('left', item('job_older'))).toBe('absent')
  expect(await queue.depth('left')).toBe(1)
  await consumers.pop()?.close()
  const taken: QueueItem[] = []
  take('left', async (next) => void taken.push(next))
  // No put-back is for longer than 5 s.
  await eventually(() => taken.length === 1, 10_000)
  expect(taken).toEqual([item('job_newer')])
})

test('what nobody was woken for, since the one who was has ended, is found soon', async () => {
  const keys = { wait: '{tel-pool-unwoken}:jobs:wait', marker: '{tel-pool-unwoken}:jobs:marker' }
  await queue.enqueue('unwoken', item('job_u'))
  const [id = ''] = await redis.ask('RPOP', keys.wait)
  await redis.ask('DEL', keys.marker)
  const taken: QueueItem[] = []
  take('unwoken', async (next) => void taken.push(next))
  // Another one shows that it takes by now.
  await queue.enqueue('unwoken', item('job_v'))
  await eventually(async () => taken.length === 1 && (await queue.depth('unwoken')) === 0)
  const begun = performance.now()
  await redis.ask('LPUSH', keys.wait, id)
  await eventually(() => taken.length === 2)
  expect(performance.now() - begun).toBeLessThan(3000)
})

test('gives up in time when Redis was never there', async () => {
  const nowhere = openQueue({ url: 'redis://127.0.0.1:1', timeoutMs: 500 })
  await expect(nowhere.enqueue('p', item('job_n'))).rejects.toMatchObject({ code: expect.stringMatching(/^redis_(timeout|unreachable)$/) })
  await nowhere.close()
})

test('goes on by itself after Redis was killed, on both sides', async () => {
  const taken = new Set<string>()
  take(
    'outage',
    async (next) => {
      if (next.kind === 'job') taken.add(next.jobId)
    },
    2,
  )
  await queue.enqueue('outage', item('job_before'))
  await eventually(() => taken.has('job_before'))
  await redis.kill()
  const hurried = openQueue({ url: redis.url, timeoutMs: 300 })
  await expect(hurried.enqueue('outage', item('job_during'))).rejects.toThrow()
  await redis.start()
  await eventually(async () => {
    await hurried.enqueue('outage', item('job_after'))
    return taken.has('job_after')
  })
  await hurried.close()
})
