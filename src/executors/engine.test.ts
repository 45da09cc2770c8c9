import type Docker from 'dockerode'
import { expect, test, vi } from 'vitest'
import { isUnreachable } from './dockerErrors.ts'
import { inspectImage } from './engine.ts'

test('an engine that says nothing of an image is given up after 10 s', async () => {
  vi.useFakeTimers()
  try {
    const silent = { getImage: () => ({ inspect: () => new Promise(() => {}) }) } as unknown as Docker
    const late = inspectImage(silent, 'an-image').catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(isUnreachable(await late)).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})
