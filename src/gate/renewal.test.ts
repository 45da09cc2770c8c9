import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepFresh } from './renewal.ts'

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

const start = (expiresAt: number | undefined, renew: () => Promise<number | undefined>) => {
  const ending = new AbortController()
  const failures: string[] = []
  keepFresh({ expiresAt, renew, onFailure: ({ message }) => void failures.push(message), signal: ending.signal })
  return { ending, failures }
}

test('renews at half of the life of each credential', async () => {
  const times: number[] = []
  const renew = async (): Promise<number> => {
    times.push(Date.now())
    return Date.now() + 600_000
  }
  const { ending } = start(1_200_000, renew)
  await vi.advanceTimersByTimeAsync(1_300_000)
  expect(times).toEqual([600_000, 900_000, 1_200_000])
  ending.abort()
  await vi.advanceTimersByTimeAsync(1_300_000)
  expect(times).toHaveLength(3)
})

test('tries again soon after a failure, and says so', async () => {
  let tries = 0
  const { failures } = start(1_200_000, async () => {
    tries++
    if (tries < 3) throw new Error('away')
    return undefined
  })
  await vi.advanceTimersByTimeAsync(630_000)
  expect([tries, failures]).toEqual([3, ['away', 'away']])
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(tries).toBe(3)
})

test('a credential of a year is replaced every half hour, and not at once', async () => {
  const year = 365 * 86_400_000
  const renew = vi.fn(async () => Date.now() + year)
  const { ending } = start(year, renew)
  await vi.advanceTimersByTimeAsync(3_700_000)
  expect(renew).toHaveBeenCalledTimes(2)
  ending.abort()
})

test('a credential without expiry is left alone', async () => {
  const renew = vi.fn(async () => undefined)
  start(undefined, renew)
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect(renew).not.toHaveBeenCalled()
})
