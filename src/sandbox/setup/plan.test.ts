import { expect, test } from 'vitest'
import { describe as describePlan, isReady } from './plan.ts'

test('a machine that lacks nothing is ready', () => {
  expect(isReady({ packages: [], go: false, binaries: [] })).toBe(true)
  expect(isReady({ packages: [], go: false, binaries: ['helm'] })).toBe(false)
})

test('the plan says what, how long and how much disk', () => {
  const text = describePlan({ packages: ['redis-server'], go: true, binaries: ['kubectl', 'helm'] })
  for (const part of ['redis-server', 'without starting their services', 'Go toolchain', 'kubectl helm', 'minutes', 'GB of disk']) {
    expect(text).toContain(part)
  }
})
