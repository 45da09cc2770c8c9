import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startLimit } from './startLimit.ts'

describe('startLimit', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const hanging = () => new Promise<never>(() => undefined)

  test('gives what the start gives and leaves no timer', async () => {
    expect(await startLimit(async () => 1, new AbortController().signal)).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('waits for a cancelled start to clear away', async () => {
    const abort = new AbortController()
    let cleared = false
    const starting = startLimit(
      (signal) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () =>
            setTimeout(() => {
              cleared = true
              reject(signal.reason)
            }, 300),
          )
        }),
      abort.signal,
    )
    const ended = expect(starting).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await vi.advanceTimersByTimeAsync(300)
    await ended
    expect(cleared).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('does not wait for ever for a cancelled start that hangs', async () => {
    const abort = new AbortController()
    const ended = expect(startLimit(hanging, abort.signal)).rejects.toThrow('enough')
    abort.abort(new Error('enough'))
    await vi.advanceTimersByTimeAsync(10_000)
    await ended
  })

  test('a start that never ends is an engine that does not answer', async () => {
    const ended = expect(startLimit(hanging)).rejects.toMatchObject({ code: 'docker_unreachable' })
    await vi.advanceTimersByTimeAsync(130_000)
    await ended
  })
})
