import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as keys from './keys.ts'
import { retentionRules, ruleOf } from './retention.ts'

test('docs/reference/retention.md is the table', () => {
  const page = readFileSync(new URL('../../docs/reference/retention.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  expect(rows).toEqual(retentionRules.map((rule) => `| \`${rule.keys}\` | ${rule.what} | ${rule.kept} | ${rule.by} |`))
})

test('every key of keys.ts has exactly one rule', () => {
  const made = [
    ...Object.values(keys.deploymentKeys('dep_01')),
    ...Object.values(keys.jobKeys({ deploymentId: 'dep_01', jobId: 'job_01' })),
    ...Object.values(keys.grantKeys({ deploymentId: 'dep_01', jobId: 'job_01', attempt: 1 })),
    keys.sweepTurnKey('shop'),
    keys.lockKey({ clusterId: 'c', namespace: 'shop', subject: 'helm/web' }),
    ...Object.values(keys.placeKeys('c')),
    ...Object.values(keys.indexKeys),
    ...Object.values(keys.targetKeys),
    ...Object.values(keys.healthKeys),
    keys.rotationKeys.due,
    keys.rotationKeys.barrier,
    keys.rotationKeys.journal('acc_01'),
    ...Object.values(keys.workerKeys),
    ...Object.values(keys.schemaKeys),
    keys.freezesKey,
    keys.poolsKey,
    keys.scalerTurnKey,
    ...Object.values(keys.roomKeys('pool:default')),
    ...Object.values(keys.secretKeys),
    keys.producersKey,
    keys.inboxKeys.submissions,
    keys.inboxKeys.answer('sub_01'),
    keys.packageKey('ab'),
    keys.uploadKey('ab', 'u'),
    keys.packageIndexKey,
    keys.pipeKey('default', 'wrk_01'),
    keys.checkKey('chk_01'),
    keys.checkClaimKey('chk_01'),
    keys.enrolmentsKey,
    keys.signerKey,
    keys.uploadToKey,
    keys.droppedKeysKey,
    keys.brokerKeys.requests,
    keys.brokerKeys.answers('default', 'wrk_01'),
    keys.idempotencyKey('k'),
    ...Object.values(keys.auditKeys),
    keys.installationKey,
    keys.imagePinsKey,
    keys.restoreKey,
    keys.replicatedKey('tel:{index}:active'),
    keys.wakeKey,
    '{tel-pool-default}:jobs:events',
  ]
  for (const key of made) expect(ruleOf(key), key).toBeDefined()
  expect(new Set(made.map((key) => ruleOf(key)))).toEqual(new Set(retentionRules))
})

test('what nobody of ours writes has none', () => {
  for (const key of ['bull:x', 'tel:{dep_01}:other', 'xtel:{installation}', 'tel:{installation}x']) expect(ruleOf(key)).toBeUndefined()
})
