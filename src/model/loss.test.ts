import { expect, test } from 'vitest'
import type { LedgerEntry } from './ledger.ts'
import { lossText, writesOfAttempt } from './loss.ts'

const entry = (attempt: number, n: number, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  n,
  at: 0,
  attempt,
  verb: 'patch',
  group: '',
  version: 'v1',
  resource: 'configmaps',
  namespace: 'shop',
  name: `map-${n}`,
  dryRun: false,
  code: 200,
  ms: 1,
  credentialId: 'c',
  ...more,
})

test('the writes of one attempt alone are told, the last of them in words', () => {
  const many = Array.from({ length: 30 }, (_, index) => entry(2, index + 1))
  const { writes, wrote } = writesOfAttempt([entry(1, 1), ...many, entry(2, 31, { code: 0 })], 2)
  expect(writes).toBe(31)
  expect(wrote).toHaveLength(20)
  expect(wrote.slice(-2)).toEqual(['patch configmaps/map-30 in shop: 200', 'patch configmaps/map-31 in shop: no answer'])
})

test('a loss says who, when, and what was written', () => {
  const loss = { attempt: 2, worker: 'wrk_a', because: 'worker a is no longer heard', at: 20_000, renewedAt: 8000, writes: 1, wrote: [] }
  expect(lossText({ ...loss, name: 'a', heardAt: 9000, openWrites: 0 })).toBe(
    'attempt 2 on a (wrk_a): worker a is no longer heard; last heard 1970-01-01T00:00:09.000Z, claim last proven 1970-01-01T00:00:08.000Z, ' +
      'found lost 1970-01-01T00:00:20.000Z; 1 write, 0 without an answer then',
  )
  expect(lossText(loss)).toContain('on wrk_a (wrk_a): worker a is no longer heard; never heard again')
})
