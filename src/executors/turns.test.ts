import { describe, expect, test } from 'vitest'
import { turns } from './turns.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('turns', () => {
  test('lets no more run than its width and keeps the order', async () => {
    const turn = turns(2)
    const started: number[] = []
    const release: (() => void)[] = []
    const all = [0, 1, 2, 3].map((number) =>
      turn(async () => {
        started.push(number)
        await new Promise<void>((resolve) => release.push(resolve))
      }),
    )
    await settled()
    expect(started).toEqual([0, 1])
    release.shift()?.()
    await settled()
    expect(started).toEqual([0, 1, 2])
    release.shift()?.()
    await settled()
    for (const free of release) free()
    await settled()
    for (const free of release) free()
    await Promise.all(all)
    expect(started).toEqual([0, 1, 2, 3])
  })

  test('a failure frees its place', async () => {
    const turn = turns(1)
    await expect(turn(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await turn(() => Promise.resolve('yes'))).toBe('yes')
  })

  test('one who waits and is aborted leaves the line without running', async () => {
    const turn = turns(1)
    const { promise, resolve: free } = Promise.withResolvers<void>()
    const first = turn(() => promise)
    const abort = new AbortController()
    let ran = false
    const second = turn(async () => {
      ran = true
    }, abort.signal)
    abort.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    free()
    await first
    expect(await turn(() => Promise.resolve(1))).toBe(1)
    expect(ran).toBe(false)
  })
})
