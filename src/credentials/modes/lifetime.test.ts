import { expect, test } from 'vitest'
import { lifetimeOf } from './lifetime.ts'

test.each([
  [1, 600_000],
  [300, 600_000],
  [301, 601_000],
  [1800, 2_100_000],
  [3300, 3_600_000],
  [86_400, 3_600_000],
])('a deadline of %i s makes a life of %i ms', (seconds, ms) => expect(lifetimeOf(seconds)).toBe(ms))
