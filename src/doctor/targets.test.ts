import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import type { CheckReport } from '../model/check.ts'
import { judgeTargets, ladderChecks, type TargetFacts } from './targets.ts'

const now = 1_700_000_000_000
const dayMs = 86_400_000
const expiring = (name: string, expiresAt?: number) =>
  sampleTarget(name, { account: { id: 'acc_1', mode: 'static-token', fingerprint: '00', expiresAt } })
const renewing = (issuedAt: number, expiresAt: number) =>
  sampleTarget('a', { account: { id: 'acc_1', mode: 'token-request', fingerprint: '00', issuedAt, expiresAt } })
const judge = (changes: Partial<TargetFacts>) =>
  judgeTargets({ targets: [expiring('a')], sealedBy: { a: 'k1' }, keyIds: ['k1'], now, ...changes }).map(({ id, subject, status }) => [
    id,
    subject,
    status,
  ])

const good = (id: string) => [id, undefined, 'ok']

test.each<[string, Partial<TargetFacts>, unknown[]]>([
  ['nothing is wrong', {}, [good('target-credential'), good('account-key')]],
  [
    'no targets',
    { targets: [] },
    [
      ['target-credential', undefined, 'skip'],
      ['account-key', undefined, 'skip'],
    ],
  ],
  ['expires in a month', { targets: [expiring('a', now + 30 * dayMs)] }, [good('target-credential'), good('account-key')]],
  ['expires this week', { targets: [expiring('a', now + 3 * dayMs)] }, [['target-credential', 'a', 'warn'], good('account-key')]],
  ['expired', { targets: [expiring('a', now)] }, [['target-credential', 'a', 'fail'], good('account-key')]],
  ['renews itself in time', { targets: [renewing(now - dayMs, now + 6 * dayMs)] }, [good('target-credential'), good('account-key')]],
  [
    'does not renew itself',
    { targets: [renewing(now - 4 * dayMs, now + 3 * dayMs)] },
    [['target-credential', 'a', 'warn'], good('account-key')],
  ],
  ['sealed with another key', { sealedBy: { a: 'k2' } }, [good('target-credential'), ['account-key', 'a', 'fail']]],
  ['without its account', { sealedBy: {} }, [good('target-credential'), ['account-key', 'a', 'fail']]],
])('%s', (_, changes, expected) => {
  expect(judge(changes)).toEqual(expected)
})

const report: CheckReport = {
  target: 'a',
  ok: false,
  at: now,
  worker: 'w',
  lines: [
    { rung: 'dns', subject: 'a.example', status: 'ok', ms: 1.6, message: '192.0.2.1' },
    { rung: 'tls', subject: 'a.example', status: 'warn', ms: 3, message: 'expires soon' },
    { rung: 'authorization', subject: 'pods in shop', status: 'failed', ms: 9, message: 'list is not allowed', fix: 'Grant it.' },
    { rung: 'version', subject: '', status: 'skipped', ms: 0, message: 'not tried' },
  ],
}

test('the rungs of a ladder are checks with their own times', () => {
  expect(ladderChecks(report).map(({ id, subject, status, ms, fix }) => [id, subject, status, ms, fix])).toEqual([
    ['target-worker', 'a', 'ok', 0, undefined],
    ['target-dns', 'a: a.example', 'ok', 2, undefined],
    ['target-tls', 'a: a.example', 'warn', 3, 'telpher target check a'],
    ['target-authorization', 'a: pods in shop', 'fail', 9, 'Grant it.'],
    ['target-version', 'a', 'skip', 0, undefined],
  ])
})

test('a ladder that its worker refused says so in place of who ran it', () => {
  const refused: CheckReport = {
    ...report,
    lines: [{ rung: 'worker', subject: 'executor', status: 'failed', ms: 0, message: 'no', fix: 'f' }],
  }
  expect(ladderChecks(refused)).toMatchObject([{ id: 'target-worker', status: 'fail', seen: 'no', fix: 'f' }])
})
