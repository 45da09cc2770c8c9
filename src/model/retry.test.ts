import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorTable } from './errors.ts'
import { retriesSchema, retryClasses, retryClassOf, retryDelay } from './retry.ts'
import type { TerminalStatus } from './states.ts'

const end = (status: TerminalStatus, code?: ErrorCode) => ({ status, sentence: 'it ended', ...(code === undefined ? {} : { code }) })

describe('the class of an end', () => {
  test.each([
    ['errored', 'docker_unreachable', 'infrastructure'],
    ['errored', 'tether_cut', 'infrastructure'],
    ['errored', 'target_unreachable', 'target'],
    ['errored', 'target_timeout', 'target'],
    ['timed_out', 'deadline_passed', 'timeout'],
    ['failed', 'verify_failed', 'failure'],
    ['failed', 'quota_exceeded', 'failure'],
    ['failed', 'invalid_manifest', undefined],
    ['failed', 'gate_namespace', undefined],
    ['failed', 'target_forbidden', undefined],
    ['errored', 'target_unauthorized', undefined],
    ['errored', 'image_missing', undefined],
    ['errored', 'internal', undefined],
    ['errored', 'start_cap', undefined],
    ['cancelled', 'cancelled', undefined],
    ['lost', 'job_lost', undefined],
    ['succeeded', undefined, undefined],
  ] as const)('%s with %s is %s', (status, code, found) => {
    expect(retryClassOf(end(status, code))).toBe(found)
  })

  test('what a person must put right first is never tried again', () => {
    for (const code of Object.keys(errorTable) as ErrorCode[])
      if (errorTable[code][1] === 'user') expect(retryClassOf(end('failed', code)), code).toBeUndefined()
  })
})

describe('the next attempt', () => {
  const retries = retriesSchema.parse({ max: 3 })

  test('comes as often as was asked for, each after twice the time', () => {
    const delays = [0, 1, 2, 3].map((done) => retryDelay(retries, { retries: done }, end('errored', 'target_unreachable')))
    expect(delays).toEqual([10_000, 20_000, 40_000, undefined])
  })

  test('comes for what was asked for, and for nothing where nothing was', () => {
    expect(retryDelay(retries, {}, end('failed', 'verify_failed'))).toBeUndefined()
    expect(retryDelay({ ...retries, on: ['failure'] }, {}, end('failed', 'verify_failed'))).toBe(10_000)
    expect(retryDelay(undefined, {}, end('errored', 'target_unreachable'))).toBeUndefined()
  })

  test('never waits longer than ten minutes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 600 }), (done, backoffSeconds) => {
        const delay = retryDelay({ max: 10, on: [...retryClasses], backoffSeconds }, { retries: done }, end('timed_out', 'deadline_passed'))
        expect(delay).toBeGreaterThanOrEqual(1000)
        expect(delay).toBeLessThanOrEqual(600_000)
      }),
    )
  })
})

test.each([
  { max: 0 },
  { max: 11 },
  { max: 1, on: [] },
  { max: 1, on: ['weather'] },
  { max: 1, backoffSeconds: 0 },
  { max: 1, often: true },
])('refuses %j', (given) => {
  expect(retriesSchema.safeParse(given).success).toBe(false)
})
