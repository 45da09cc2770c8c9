import { expect, test } from 'vitest'
import type { AuditEntry, AuditRecord } from './audit.ts'
import type { ClusterWrite } from './auditlog.ts'
import { createReconciler, type Reconciliation } from './reconcile.ts'

const start = 1_700_000_000_000
const deployer = { username: 'system:serviceaccount:telpher:deployer-prod', target: 'prod', since: start - 3_600_000 }
const bootstrap = { ...deployer, username: 'system:serviceaccount:telpher:bootstrap-prod' }
const jobId = `job_${'0'.repeat(26)}`
const object = { verb: 'patch', group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web' } as const

const ours = (changes: object = {}): AuditEntry =>
  ({
    type: 'write',
    who: 'api',
    target: 'prod',
    deploymentId: 'dep_1',
    jobId,
    attempt: 1,
    ...object,
    version: 'v1',
    dryRun: false,
    code: 200,
    ms: 10,
    at: start,
    credentialId: 'j-1',
    auditId: 'a-1',
    ...changes,
  }) as AuditEntry
const theirs = (changes: Partial<ClusterWrite> = {}): ClusterWrite => ({
  auditId: 'a-1',
  from: start - 10,
  at: start,
  username: deployer.username,
  credentialId: 'j-1',
  userAgent: `kubectl/v1.36 telpher/${jobId}/1`,
  ...object,
  subresource: '',
  code: 200,
  ...changes,
})

const hold = (entries: readonly AuditEntry[], writes: readonly ClusterWrite[], target?: string): Reconciliation => {
  const reconciler = createReconciler([deployer, bootstrap], target)
  for (const [index, entry] of entries.entries())
    reconciler.addRecord({ ...entry, n: index + 1, id: `${index}-0`, hash: '' } as AuditRecord)
  for (const at of [start - 60_000, start + 60_000]) reconciler.sawTime(at)
  for (const [index, write] of writes.entries()) reconciler.addWrite(write, index + 1)
  return reconciler.end()
}
const lost: AuditEntry = {
  type: 'attempt',
  action: 'lost',
  name: jobId,
  at: start + 20_000,
  who: 'server',
  target: 'prod',
  jobId,
  attempt: 1,
  outcome: 'done',
  detail: { renewedAt: start },
}

test('a write that both have is explained, once', () => {
  expect(hold([ours()], [theirs(), theirs()])).toMatchObject({ ours: 1, byAuditId: 1, unexplainedCount: 0, missingCount: 0 })
})

test.each<readonly [string, Partial<ClusterWrite>, string | undefined]>([
  ['the same token on the same object at the same time', { auditId: 'x' }, 'account'],
  ['a token that we gave out, whatever the account', { auditId: 'x', username: 'other' }, 'token'],
  ['a mark of a job of ours', { auditId: 'x', username: 'other', credentialId: 'other' }, 'mark'],
  ['somebody else', { auditId: 'x', username: 'other', credentialId: 'other', userAgent: 'kubectl' }, undefined],
  ['a mark of somebody else', { auditId: 'x', username: 'o', credentialId: 'o', userAgent: `telpher/job_${'1'.repeat(26)}/1` }, undefined],
])('a forged write of %s is named as that of %s', (_, changes, by) => {
  const { unexplained } = hold([ours()], [theirs(), theirs(changes)])
  expect(unexplained.map((one) => [one.line, one.by])).toEqual(by === undefined ? [] : [[2, by]])
})

test.each<readonly [string, object, Partial<ClusterWrite>, boolean]>([
  ['whose answer never came', { auditId: undefined, code: 0 }, { auditId: 'x' }, true],
  ['whose answer never came, of an object without a name', { auditId: undefined, code: 0, name: undefined }, { auditId: 'x' }, true],
  ['that was sent twice', { sends: 2 }, { auditId: 'x', at: start - 2000, from: start - 2001 }, true],
  ['whose answer never came, elsewhere', { auditId: undefined, code: 0 }, { auditId: 'x', namespace: 'other' }, false],
  ['whose answer never came, by another token', { auditId: undefined, code: 0 }, { auditId: 'x', credentialId: 'j-2' }, false],
  [
    'whose answer never came, a minute later',
    { auditId: undefined, code: 0 },
    { auditId: 'x', at: start + 59_000, from: start + 58_000 },
    false,
  ],
])('one %s explains at most one more: %j %j', (_, record, write, isExplained) => {
  expect(hold([ours(record)], [theirs(write)])).toMatchObject({ byTime: isExplained ? 1 : 0, unexplainedCount: isExplained ? 0 : 1 })
  expect(hold([ours(record)], [theirs(write), theirs({ ...write, auditId: 'y' })]).unexplainedCount).toBeGreaterThan(0)
})

test('what an attempt wrote when its worker died is told apart, within its time', () => {
  const secret = { verb: 'create', group: '', resource: 'secrets', namespace: 'telpher', name: `telpher-job-${'0'.repeat(26)}-1` }
  const mint = { ...secret, resource: 'serviceaccounts', subresource: 'token', name: 'deployer-prod' }
  const own = { username: bootstrap.username, credentialId: 'b-1', userAgent: '' }
  const report = hold(
    [lost],
    [
      theirs({ auditId: 'x1' }),
      theirs({ auditId: 'x2', ...own, ...secret }),
      theirs({ auditId: 'x3', ...own, ...mint }),
      theirs({ auditId: 'x4', ...own, ...mint }),
      theirs({ auditId: 'x5', at: start + 30_000, from: start + 30_000 }),
      theirs({ auditId: 'x6', userAgent: `telpher/${jobId}/2` }),
    ],
  )
  expect(report.lost).toBe(3)
  expect(report.unexplained.map(({ auditId }) => auditId)).toEqual(['x4', 'x5', 'x6'])
})

test('what an account did before its target was added was its set-up', () => {
  const early = { auditId: 'x', credentialId: 'b-0', at: deployer.since - 1000, from: deployer.since - 1000 }
  const later = ours({ type: 'call', credentialId: 'b-0' })
  expect(hold([later], [theirs(), theirs({ ...early, username: bootstrap.username })])).toMatchObject({ before: 1, unexplainedCount: 0 })
  expect(hold([later], [theirs({ ...early, username: 'other' })])).toMatchObject({ before: 0, unexplainedCount: 1 })
})

test('a record that the log does not have is named, where the log has its time and its cluster', () => {
  const others = [ours({ auditId: 'a-2' }), ours({ auditId: 'a-3', at: start + 59_500 }), ours({ auditId: 'a-4', target: 'elsewhere' })]
  expect(hold([ours(), ...others], [theirs()]).missing.map(({ auditId }) => auditId)).toEqual(['a-2'])
  expect(hold(others, []).missingCount).toBe(0)
  expect(hold(others, [], 'prod').missing.map(({ auditId }) => auditId)).toEqual(['a-2'])
})
