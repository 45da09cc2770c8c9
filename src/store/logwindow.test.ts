import fc from 'fast-check'
import { expect, test } from 'vitest'
import { gapBetween, tailStart } from './logwindow.ts'

test('a gap and the lines beside it are all lines, and so are the bytes', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (head, missing, tail) => {
      const first = head === 0 ? undefined : { n: 1, count: head, offset: 0, bytes: head * 10 }
      const gap = gapBetween(first, { n: head + missing + 1, count: tail, offset: (head + missing) * 10, bytes: tail * 10 })
      expect(gap).toEqual(missing === 0 ? undefined : { from: head + 1, to: head + missing, lines: missing, bytes: missing * 10 })
      const total = head + missing + tail
      const kept = Array.from({ length: total }, (_, index) => index + 1).filter((n) => n <= head || n > head + missing)
      for (const count of [1, tail, tail + 1, head + tail, total + 5]) {
        const start = tailStart(gap === undefined ? { total } : { total, gap }, count)
        expect(kept.filter((n) => n >= start)).toEqual(kept.slice(-count))
      }
    }),
    { numRuns: 50 },
  )
})

test('a log without a tail has no gap', () => {
  expect(gapBetween({ n: 1, count: 3, offset: 0, bytes: 9 }, undefined)).toBeUndefined()
})
