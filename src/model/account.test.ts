import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import { accountState, nextRotation } from './account.ts'
import { newRotation, type Rotation } from './rotation.ts'
import type { Target } from './target.ts'

const day = 86_400_000
const at = 1_800_000_000_000

const target = (changes: Partial<Target['account']> = {}, more: Partial<Target> = {}): Target =>
  sampleTarget('shop', {
    createdAt: at,
    account: { id: 'acc_1', mode: 'token-request', fingerprint: 'ab', issuedAt: at, expiresAt: at + 7 * day, ...changes },
    ...more,
  })
const rotation = (changes: Partial<Rotation> = {}): Rotation => ({ ...newRotation(1, at), ...changes })
const sentences = (now: number, of: Target = target(), journal: Rotation = rotation()): string[] =>
  accountState(of, journal, now).alarms.map(({ level, sentence }) => `${level}: ${sentence}`)

test('an account rotates once a day, up to a tenth earlier, and always the same for one version', () => {
  const next = nextRotation(target(), rotation()) ?? 0
  expect(next).toBeGreaterThan(at + 0.9 * day)
  expect(next).toBeLessThanOrEqual(at + day)
  expect(nextRotation(target(), rotation())).toBe(next)
  expect(nextRotation(target(), rotation({ version: 2 }))).not.toBe(next)
})

test.each<readonly [string, Target, Partial<Rotation>, number | undefined]>([
  ['never when it is said so', target({}, { rotateSeconds: 0 }), {}, undefined],
  ['never where Telpher cannot mint', target({ mode: 'static-token' }), {}, undefined],
  ['at half of a short life', target({ expiresAt: at + 3_600_000 }), {}, at + 1_800_000],
  ['a minute after it failed', target({ expiresAt: at }), { trouble: { at, code: 'target_timeout', sentence: '', tries: 1 } }, at + 60_000],
  ['later each time', target({ expiresAt: at }), { trouble: { at, code: 'target_timeout', sentence: '', tries: 4 } }, at + 480_000],
  [
    'an hour after it failed often',
    target({ expiresAt: at }),
    { trouble: { at, code: 'target_timeout', sentence: '', tries: 99 } },
    at + 3_600_000,
  ],
])('%s', (_, of, changes, expected) => {
  expect(nextRotation(of, rotation(changes))).toBe(expected)
})

test('a life has alarms at 50, 75 and 90 %, and at its end', () => {
  expect(sentences(at + 3 * day)).toEqual([])
  expect(sentences(at + 3.5 * day)).toEqual([expect.stringMatching(/^warn: 50 % of the life/)])
  expect(sentences(at + 5.25 * day)).toEqual([expect.stringMatching(/^alarm: 75 % of the life/)])
  expect(sentences(at + 6.3 * day)).toEqual([expect.stringMatching(/^alarm: 90 % of the life/)])
  expect(sentences(at + 7 * day)).toEqual([expect.stringMatching(/^alarm: its credential expired/)])
})

test('what only a person can renew is said later, with another command', () => {
  const fixed = target({ mode: 'client-certificate', expiresAt: at + 100 * day })
  expect(sentences(at + 60 * day, fixed)).toEqual([])
  expect(accountState(fixed, rotation(), at + 80 * day).alarms).toEqual([
    expect.objectContaining({ level: 'alarm', fix: 'telpher account rotate shop --from-kubeconfig CONTEXT' }),
  ])
})

test('what should be dead is an alarm after a minute, until it was seen so', () => {
  const journal = rotation({ version: 2, kept: [1], unconfirmed: [{ version: 1, since: at, expiresAt: at + day }] })
  expect(sentences(at + 59_000, target(), journal)).toEqual([])
  expect(sentences(at + 61_000, target(), journal)).toEqual([expect.stringMatching(/^alarm: version 1 of its credential should be dead/)])
  expect(accountState(target(), journal, at).versions).toEqual([
    { version: 2, is: 'used', expiresAt: at + 7 * day },
    { version: 1, is: 'revoked', expiresAt: at + day },
  ])
})

test('a rotation that failed is a warning, often failed or for want of rights an alarm', () => {
  const failed = (tries: number, code: 'target_timeout' | 'rotation_mint') => rotation({ trouble: { at, code, sentence: 'no', tries } })
  expect(sentences(at, target(), failed(1, 'target_timeout'))).toEqual([expect.stringMatching(/^warn: its rotation failed/)])
  expect(sentences(at, target(), failed(3, 'target_timeout'))).toEqual([expect.stringMatching(/^alarm: its rotation failed/)])
  const { alarms } = accountState(target(), failed(1, 'rotation_mint'), at)
  expect(alarms).toEqual([expect.objectContaining({ level: 'alarm', fix: 'telpher account repair shop --from-kubeconfig CONTEXT' })])
})

test('one that stands still is said, and the gravest comes first', () => {
  expect(sentences(at + 3 * 3_600_000, target(), rotation({ state: 'sealed' }))).toEqual([
    expect.stringMatching(/^warn: its rotation is sealed since/),
  ])
  const both = rotation({ trouble: { at, code: 'target_timeout', sentence: 'no', tries: 1 } })
  expect(sentences(at + 6.5 * day, target(), both)[0]).toMatch(/^alarm: 90 %/)
})
