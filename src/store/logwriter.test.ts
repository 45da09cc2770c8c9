import { describe, expect, test, vi } from 'vitest'
import { createLogWriter } from './logwriter.ts'
import type { NewLogLine } from './types.ts'

/** A double of the log that keeps batches; the knob holds them back until `go`. */
const fakeLog = (options: { readonly held?: boolean; readonly fails?: boolean } = {}) => {
  const batches: string[][] = []
  let go = (): void => {}
  const gate = options.held ? new Promise<void>((resolve) => (go = resolve)) : Promise.resolve()
  return {
    batches,
    go: () => go(),
    ended: vi.fn(),
    append: async (lines: readonly NewLogLine[]) => {
      await gate
      if (options.fails) throw new Error('full')
      batches.push(lines.map(({ text }) => text))
    },
    async end() {
      this.ended()
    },
  }
}

describe('a log writer', () => {
  test('sends a batch when it is large, and the rest with a flush', async () => {
    const log = fakeLog()
    const writer = createLogWriter(log, { maxBytes: 10, maxDelayMs: 60_000 })
    for (const text of ['aaaa', 'bbbb', 'cc']) writer.write('stdout', text)
    await writer.end()
    expect(log.batches).toEqual([['aaaa', 'bbbb'], ['cc']])
    expect(log.ended).toHaveBeenCalledOnce()
  })
  test('sends what waits when its time has come', async () => {
    vi.useFakeTimers()
    const log = fakeLog()
    const writer = createLogWriter(log, { maxDelayMs: 100 })
    writer.write('stdout', 'one')
    await vi.advanceTimersByTimeAsync(99)
    expect(log.batches).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(log.batches).toEqual([['one']])
    vi.useRealTimers()
  })
  test('is ready only while little waits', async () => {
    const log = fakeLog({ held: true })
    const writer = createLogWriter(log, { maxBytes: 10, maxWaitingBytes: 20 })
    await writer.ready()
    for (let index = 0; index < 10; index++) writer.write('stdout', 'a'.repeat(9))
    let isReady = false
    const ready = writer.ready().then(() => {
      isReady = true
    })
    await Promise.resolve()
    expect(isReady).toBe(false)
    log.go()
    await ready
    await writer.flush()
    expect(log.batches).toHaveLength(10)
  })
  test('tells with the flush what could not be stored', async () => {
    const writer = createLogWriter(fakeLog({ fails: true }))
    writer.write('stdout', 'one')
    await expect(writer.flush()).rejects.toThrow('full')
  })
})
