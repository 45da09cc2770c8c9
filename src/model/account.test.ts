import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import { accountState, nextRotation } from './account.ts'
import type { ErrorCode } from './errors.ts'
import { newRotation, type Rotation } from './rotation.ts'
import type { Target } from './target.ts'
import type { AccountUse } from './use.ts'

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
  expect(sentences(at + 3 * day, target({}, { rotateSeconds: 0 }))).toEqual([])
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

test('what cannot be revoked yet is an alarm with what shows why, and a version that was undone is one at once', () => {
  const alarmOf = (code: 'rotation_replicas' | 'rotation_barrier' | 'rotation_undone', state: 'draining' | 'stable') =>
    accountState(target(), rotation({ state, trouble: { at, code, sentence: 'no', tries: 1 } }), at).alarms
  const kept = expect.stringMatching(/^its old credential is kept alive since .*: no$/)
  expect(alarmOf('rotation_replicas', 'draining')).toEqual([{ level: 'alarm', sentence: kept, fix: 'telpher doctor --server' }])
  expect(alarmOf('rotation_barrier', 'draining')).toEqual([{ level: 'alarm', sentence: kept, fix: 'telpher doctor --server' }])
  expect(alarmOf('rotation_undone', 'stable')).toEqual([expect.objectContaining({ level: 'alarm', fix: 'telpher account rotate shop' })])
})

test('one that stands still is said, and the gravest comes first', () => {
  expect(sentences(at + 3 * 3_600_000, target(), rotation({ state: 'sealed' }))).toEqual([
    expect.stringMatching(/^warn: its rotation is sealed since/),
  ])
  const both = rotation({ trouble: { at, code: 'target_timeout', sentence: 'no', tries: 1 } })
  expect(sentences(at + 6.5 * day, target(), both)[0]).toMatch(/^alarm: 90 %/)
})

const trouble = (code: ErrorCode, tries = 1) => rotation({ trouble: { at, code, sentence: 'why', tries } })
const given = target({ mode: 'static-token' })
const certificate = target({ mode: 'client-certificate' })
const repair = 'telpher account repair shop --from-kubeconfig CONTEXT'
const replace = 'telpher account rotate shop --from-kubeconfig CONTEXT'
const check = 'telpher target check shop'
const hour = 3_600_000

test.each<readonly [what: string, of: Target, journal: Rotation, after: number, sentence: RegExp, fix: string]>([
  [
    'half of its life',
    target(),
    rotation(),
    3.5 * day,
    /^50 % of the life of its credential is over; it expires at /,
    'telpher account rotate shop',
  ],
  ['90 % of a given one', given, rotation(), 6.4 * day, /^90 % of the life of its credential is over; it expires at /, replace],
  ['its end', target(), rotation(), 8 * day, /^its credential expired at \S+: nothing can be deployed$/, repair],
  ['the end of a given one', certificate, rotation(), 8 * day, /^its credential expired at \S+: nothing can be deployed$/, replace],
  [
    'a token that is not dead',
    target(),
    rotation({ unconfirmed: [{ version: 1, since: at }] }),
    hour,
    /^version 1 of its credential should be dead since \S+, and was not seen to be refused$/,
    check,
  ],
  [
    'a given token that is not dead',
    given,
    rotation({ unconfirmed: [{ version: 1, since: at }] }),
    hour,
    /was not seen to be refused$/,
    'delete the Secret of the old token in the cluster: kubectl delete secret NAME --namespace NAMESPACE',
  ],
  [
    'a certificate that is not dead',
    certificate,
    rotation({ unconfirmed: [{ version: 1, since: at, expiresAt: at + day }] }),
    hour,
    /was not seen to be refused; it expires at /,
    'take the rights of its user away in the cluster: Kubernetes revokes no certificates',
  ],
  ['no right to renew itself', target(), trouble('rotation_mint'), hour, /^its rotation failed at \S+: why$/, repair],
  ['a refused token', target(), trouble('target_unauthorized'), hour, /^its rotation failed at/, repair],
  ['an expired token', target(), trouble('credential_expired'), hour, /^its rotation failed at/, repair],
  ['a new one that does not do', given, trouble('rotation_unverified'), hour, /^its rotation failed at/, replace],
  [
    'no worker to reach it through',
    target(),
    trouble('pipe_no_worker'),
    hour,
    /^its rotation failed at/,
    'TELPHER_POOL=default telpher worker start',
  ],
  ['no way there', target(), trouble('target_unreachable'), hour, /^its rotation failed at/, 'telpher target edit shop --server URL'],
  ['no trust', target(), trouble('target_tls'), hour, /^its rotation failed at/, 'telpher target edit shop --add-ca FILE'],
  ['no answer', target(), trouble('target_timeout'), hour, /^its rotation failed at/, check],
  [
    'a Redis that loses what it is told',
    target(),
    trouble('rotation_barrier'),
    hour,
    /^its old credential is kept alive since/,
    'telpher doctor --server',
  ],
  ['a key that is not there', target(), trouble('sealed_record'), hour, /^its rotation failed at/, 'telpher keys list'],
  ['it was due and nobody began', target(), rotation(), 2 * day, /^its rotation is due since \S+ and has not begun$/, check],
  ...(['intent', 'minted', 'sealed', 'verified', 'confirmed'] as const).map(
    (state) =>
      [`${state} for long`, target(), rotation({ state }), hour, new RegExp(`^its rotation is ${state} since \\S+$`), check] as const,
  ),
  [
    'the one before still works',
    target(),
    rotation({ state: 'draining', version: 2, previous: 1 }),
    hour,
    /^version 1 of its credential still works: .*Redis does not say/,
    'telpher doctor --server',
  ],
  [
    'a given one before still works',
    given,
    rotation({ state: 'draining', version: 2, previous: 1 }),
    hour,
    /^version 1 of its credential still works: .*until deployments/,
    'telpher list --status executing --target shop',
  ],
])('what is wrong is one sentence with what mends it: %s', (_, of, journal, after, sentence, fix) => {
  const { alarms } = accountState(of, journal, at + after)
  expect(alarms).toHaveLength(1)
  expect(alarms[0]?.sentence).toMatch(sentence)
  expect(alarms[0]?.sentence).not.toContain('\n')
  expect(alarms[0]?.fix).toBe(fix)
})

test.each<readonly [what: string, of: Target, journal: Rotation, after: number]>([
  ['it rests', target(), rotation(), hour],
  ['nothing of the cluster is stored', target({ mode: 'federated' }), rotation(), 9 * day],
  ['the token of a pod', target({ mode: 'in-cluster' }), rotation(), 9 * day],
  ['it is not to be rotated', target({}, { rotateSeconds: 0 }), rotation(), 3 * day],
  ['the minute of grace', target(), rotation({ state: 'draining', version: 2, previous: 1 }), 60_000],
  ['a refusal is waited for', target(), rotation({ state: 'revoked', unconfirmed: [{ version: 1, since: at }] }), 30_000],
  ['it goes on', target(), rotation({ state: 'minted' }), 60_000],
])('nothing is said where nothing is wrong: %s', (_, of, journal, after) => {
  expect(accountState(of, journal, at + after).alarms).toEqual([])
})

test('its last uses are told as they are', () => {
  const job: AccountUse = {
    at: 5,
    verb: 'patch',
    group: 'apps',
    resource: 'deployments',
    code: 200,
    credentialId: 'jti',
    deploymentId: 'dep_1',
  }
  expect(accountState(target(), rotation(), at, { job }).used).toEqual({ job })
  expect(accountState(target(), rotation(), at).used).toEqual({})
})
