import { describe, expect, test, vi } from 'vitest'
import { createLogBatches } from './logbatches.ts'

const collect = (options: Parameters<typeof createLogBatches>[1]) => {
  const given: string[][] = []
  return { given, batches: createLogBatches((lines) => given.push(lines.map(({ text }) => text)), options) }
}

describe('batches of a log', () => {
  test('are given when they are large, and the rest with a flush', () => {
    const { given, batches } = collect({ maxBytes: 10, maxDelayMs: 60_000 })
    for (const text of ['aaaa', 'bbbb', 'cc']) batches.write('stdout', text)
    batches.flush()
    batches.flush()
    expect(given).toEqual([['aaaa', 'bbbb'], ['cc']])
  })
  test('are given when their time has come', async () => {
    vi.useFakeTimers()
    const { given, batches } = collect({ maxDelayMs: 100 })
    batches.write('stdout', 'one')
    await vi.advanceTimersByTimeAsync(99)
    expect(given).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(given).toEqual([['one']])
    vi.useRealTimers()
  })
})
