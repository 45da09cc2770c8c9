import { expect, test } from 'vitest'
import type { AuditRecord } from './audit.ts'
import { type AuditFilter, isRecordOf } from './auditfilter.ts'

const place = { n: 1, id: '1-0', hash: 'h', at: 1000 }
const write: AuditRecord = {
  ...place,
  type: 'write',
  who: 'api:ann@laptop',
  target: 'prod',
  deploymentId: 'dep_1',
  verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: 'scale',
  namespace: 'shop',
  name: 'web',
  dryRun: false,
  code: 409,
  ms: 1,
  credentialId: 'jti-1',
}
const added: AuditRecord = { ...place, type: 'target', action: 'add', name: 'prod', who: 'api', outcome: 'refused', code: 'target_exists' }

test.each<readonly [AuditFilter, boolean, boolean]>([
  [{}, true, true],
  [{ since: 1000, until: 1000 }, true, true],
  [{ since: 1001 }, false, false],
  [{ until: 999 }, false, false],
  [{ type: 'write,call' }, true, false],
  [{ target: 'prod' }, true, true],
  [{ target: 'other' }, false, false],
  [{ deployment: 'dep_1' }, true, false],
  [{ who: 'api' }, true, true],
  [{ who: 'api:ann@laptop' }, true, false],
  [{ who: 'ap' }, false, false],
  [{ verb: 'patch' }, true, false],
  [{ verb: 'add' }, false, true],
  [{ resource: 'deployments' }, true, false],
  [{ resource: 'deployments.apps/scale' }, true, false],
  [{ resource: 'apps' }, false, false],
  [{ namespace: 'shop', name: 'web' }, true, false],
  [{ name: 'prod' }, false, true],
  [{ code: '4xx' }, true, false],
  [{ code: '409' }, true, false],
  [{ code: 'target_exists' }, false, true],
  [{ credential: 'jti-1' }, true, false],
])('%j finds the write: %s, and the event: %s', (filter, aWrite, anEvent) => {
  expect([isRecordOf(write, filter), isRecordOf(added, filter)]).toEqual([aWrite, anEvent])
})
