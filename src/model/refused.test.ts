import { expect, test } from 'vitest'
import type { ErrorCode } from './errors.ts'
import { type AttemptEnd, refusedSince } from './refused.ts'

const at = 1000
const ends = (startedAt: number, count: number, code?: ErrorCode): AttemptEnd[] =>
  Array.from({ length: count }, () => ({ startedAt, ...(code === undefined ? {} : { code }) }))
const after = (count: number, code?: ErrorCode) => ends(at + 1, count, code)
const before = (count: number, code?: ErrorCode) => ends(at, count, code)

test.each<readonly [string, AttemptEnd[], { refused: number; of: number } | undefined]>([
  ['three of three', after(3, 'target_unauthorized'), { refused: 3, of: 3 }],
  ['three of six', [...after(3, 'target_unauthorized'), ...after(3)], { refused: 3, of: 6 }],
  ['three of seven are too few', [...after(3, 'target_unauthorized'), ...after(4)], undefined],
  ['two of two are too few', after(2, 'target_unauthorized'), undefined],
  ['other failures are no refusals', after(9, 'verify_failed'), undefined],
  ['what began before the switch had the version before', before(9, 'target_unauthorized'), undefined],
  ['as many were refused before', [...after(3, 'target_forbidden'), ...before(1, 'target_forbidden')], undefined],
  ['few were refused before', [...after(3, 'target_forbidden'), ...before(1, 'target_forbidden'), ...before(2)], { refused: 3, of: 3 }],
])('a static token: %s', (_, all, expected) => {
  expect(refusedSince(all, at, 'static-token')).toEqual(expected)
})

test('in the mode token-request the rights of attempts are not those of the account: a refused mint counts, a 403 does not', () => {
  expect(refusedSince(after(5, 'target_forbidden'), at, 'token-request')).toBeUndefined()
  expect(refusedSince(after(5, 'mint_refused'), at, 'token-request')).toEqual({ refused: 5, of: 5 })
  expect(refusedSince(after(5, 'target_unauthorized'), at, 'token-request')).toEqual({ refused: 5, of: 5 })
  expect(refusedSince(after(5, 'mint_refused'), at, 'static-token')).toBeUndefined()
})
