import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ContainerSpec } from '../src/model/ports.ts'
import type { ReadyContainer } from './container.ts'
import { createWarmPool, wantedCount } from './warm.ts'

const spec = (over: Partial<ContainerSpec> = {}): ContainerSpec => ({
  image: 'exec',
  labels: {},
  memoryBytes: 100,
  cpus: 1,
  pids: 10,
  scratchBytes: 1,
  ...over,
})

/** A DOUBLE of a container: tests/integration/workers runs the real one. */
interface Made extends ReadyContainer {
  readonly of: string
  alive: boolean
  disposed: number
}

const setUp = (options: { most?: number; free?: number } = {}) => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const made: Made[] = []
  const troubles: unknown[] = []
  const state = { free: options.free ?? 1000, broken: undefined as Error | undefined }
  const pool = createWarmPool({
    async open({ image }) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      if (state.broken !== undefined) throw state.broken
      const container: Made = {
        of: image,
        port: 1,
        alive: true,
        disposed: 0,
        use: () => ({ run: () => Promise.reject(new Error('no job here')), signal: () => {} }),
        async dispose() {
          container.alive = false
          container.disposed++
        },
      }
      made.push(container)
      return container
    },
    most: options.most ?? 4,
    freeMemory: () => state.free,
    onTrouble: (error) => troubles.push(error),
    now: () => Date.now(),
  })
  const take = async (given: ContainerSpec = spec()): Promise<Made> => {
    const taken = pool.take(given)
    await vi.advanceTimersByTimeAsync(100)
    return (await taken) as Made
  }
  return { pool, made, troubles, state, take }
}

const settle = (ms = 3000): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

test('the first job finds a container that was expected, and the next one another', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  expect(await take()).toBe(made[0])
  await settle()
  expect(await take()).toBe(made[1])
  expect(pool.counts()).toMatchObject({ warm: 2, cold: 0 })
})

test('no container is given twice', async () => {
  const { take } = setUp()
  const taken = new Set<Made>()
  for (let count = 0; count < 20; count++) {
    taken.add(await take())
    await settle(500)
  }
  expect(taken.size).toBe(20)
})

test('a job of another image or size gets none of ours; other labels make no difference', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  expect((await take(spec({ image: 'other' }))).of).toBe('other')
  expect(await take(spec({ memoryBytes: 200 }))).not.toBe(made[0])
  expect(await take(spec({ labels: { a: 'b' } }))).toBe(made[0])
})

test('a refill waits until the job is on its way', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  await take()
  await vi.advanceTimersByTimeAsync(500)
  expect(made).toHaveLength(1)
  await settle()
  expect(made).toHaveLength(2)
})

test('one that is being started is waited for, rather than starting another', async () => {
  const { pool, made } = setUp()
  pool.expect(spec())
  const taken = pool.take(spec())
  await vi.advanceTimersByTimeAsync(100)
  expect(await taken).toBe(made[0])
  expect(made).toHaveLength(1)
})

test('whoever waits for one that is being started is let go at once when its time is over', async () => {
  const { pool, made } = setUp()
  pool.expect(spec())
  const ending = new AbortController()
  const taken = pool.take(spec(), ending.signal)
  const over = new Error('its time is over')
  ending.abort(over)
  await expect(taken).rejects.toBe(over)
  expect(made).toHaveLength(0)
  await settle()
  expect(pool.counts()).toEqual({ warm: 0, cold: 0, idle: 1 })
})

test('one that died while it waited is not given', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  const [dead] = made
  if (dead === undefined) throw new Error('none was made')
  dead.alive = false
  expect(await take()).not.toBe(dead)
  expect(dead.disposed).toBe(1)
})

test('one that waited ten minutes is replaced', async () => {
  const { pool, made } = setUp()
  pool.expect(spec())
  await settle()
  await settle(11 * 60_000)
  expect(made[0]?.disposed).toBe(1)
  expect(pool.counts().idle).toBe(1)
})

test('an image that nobody came for in twenty minutes keeps none waiting; the expected one does', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  await take(spec({ image: 'other' }))
  await settle()
  expect(pool.counts().idle).toBe(2)
  await settle(25 * 60_000)
  expect(pool.counts().idle).toBe(1)
  expect(made.filter(({ alive }) => alive).map(({ of }) => of)).toEqual(['other', 'exec'])
})

test('without memory to spare none waits, and jobs run all the same', async () => {
  const { pool, made, take } = setUp({ free: 150 })
  pool.expect(spec())
  await settle()
  expect(made).toHaveLength(0)
  await take()
  expect(pool.counts()).toEqual({ warm: 0, cold: 1, idle: 0 })
})

test('none waits when none may', async () => {
  const { pool, made } = setUp({ most: 0 })
  pool.expect(spec())
  await settle()
  expect(made).toHaveLength(0)
})

test('trouble with a start ahead is told once, and the next job tries again', async () => {
  const { pool, made, troubles, state, take } = setUp()
  state.broken = new Error('no engine')
  pool.expect(spec())
  await settle(30_000)
  expect(troubles).toEqual([state.broken])
  state.broken = undefined
  expect(await take()).toBe(made[0])
})

test('the end removes what waits, and what is being started', async () => {
  const { pool, made, take } = setUp()
  pool.expect(spec())
  await settle()
  await take()
  await vi.advanceTimersByTimeAsync(1050)
  const closed = pool.close()
  await settle()
  await closed
  expect(made.slice(1).map(({ disposed }) => disposed)).toEqual(made.slice(1).map(() => 1))
  await settle(60 * 60_000)
  expect(pool.counts().idle).toBe(0)
})

describe('how many wait', () => {
  test('one when jobs are rare, more when they are frequent, never more than may', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(20), (arrivals, most) => {
        const wanted = wantedCount(arrivals, most)
        expect(wanted).toBeLessThanOrEqual(most)
        expect(wanted).toBeGreaterThanOrEqual(Math.min(1, most))
        expect(wantedCount(arrivals + 10, most)).toBeGreaterThanOrEqual(wanted)
      }),
    )
    expect(wantedCount(0, 8)).toBe(1)
    expect(wantedCount(30, 8)).toBe(4)
  })

  test('a burst raises it, quiet lowers it again', async () => {
    const { pool, take } = setUp()
    for (let count = 0; count < 30; count++) await take()
    await settle(4000)
    expect(pool.counts().idle).toBeGreaterThan(2)
    for (let count = 0; count < 2; count++) {
      await settle(60_000)
      await take()
    }
    await settle(11 * 60_000)
    expect(pool.counts().idle).toBe(1)
  })
})
