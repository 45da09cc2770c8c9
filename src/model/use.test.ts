import { expect, test } from 'vitest'
import type { AuditCall, AuditEntry, AuditWrite } from './audit.ts'
import { usesOf } from './use.ts'

const request = {
  at: 10,
  target: 'shop',
  verb: 'create',
  group: '',
  version: 'v1',
  resource: 'secrets',
  namespace: 'telpher',
  name: 'a',
  dryRun: false,
  code: 201,
  ms: 3,
  credentialId: 'jti',
  auditId: 'aud',
} as const
const write = (changes: Partial<AuditWrite> = {}): AuditWrite => ({
  ...request,
  type: 'write',
  who: 'api',
  deploymentId: 'dep_1',
  jobId: 'job_1',
  attempt: 2,
  ...changes,
})
const call = (changes: Partial<AuditCall> = {}): AuditCall => ({ ...request, type: 'call', who: 'server', ...changes })
const kinds = (...entries: AuditEntry[]): string[] => Object.keys(usesOf(entries).get('shop') ?? {})

test.each<readonly [what: string, entry: AuditEntry, kinds: readonly string[]]>([
  ['a write of a deployment', write(), ['job']],
  ['a dry run that is a deployment', write({ dryRun: true }), ['job']],
  ['one that its rights forbid', write({ code: 403 }), ['job']],
  ['one of an object that is not there', write({ code: 404 }), ['job']],
  ['a call of a server through the pipe', call(), ['server']],
  ["a worker's own call for a deployment", call({ who: 'worker:w1', jobId: 'job_1' }), ['job']],
  ['a refused credential', write({ code: 401 }), []],
  ['no answer', write({ code: 0 }), []],
  ['an answer that a proxy before the API server may have given', write({ code: 502 }), []],
  ['a request to slow down', write({ code: 429 }), []],
  ['who am I', call({ who: 'worker:w1', group: 'authentication.k8s.io', resource: 'selfsubjectreviews' }), []],
  ['what may I', call({ who: 'worker:w1', group: 'authorization.k8s.io', resource: 'selfsubjectaccessreviews' }), []],
  ['a dry run that only tries', call({ dryRun: true }), []],
  ['what is of no target', { type: 'pool', action: 'create', name: 'eu', outcome: 'done', at: 1, who: 'api' }, []],
])('%s', (_, entry, expected) => expect(kinds(entry)).toEqual(expected))

test('the newest of each kind and target counts, with what it takes to find it again', () => {
  const uses = usesOf([
    write({ at: 3 }),
    write({ at: 9, attempt: 1 }),
    write({ at: 5 }),
    call({ at: 7 }),
    write({ at: 4, target: 'other' }),
  ])
  expect(uses.get('shop')).toMatchObject({
    job: { at: 9, deploymentId: 'dep_1', jobId: 'job_1', attempt: 1, verb: 'create', code: 201, credentialId: 'jti', auditId: 'aud' },
    server: { at: 7 },
  })
  expect(uses.get('other')?.job?.at).toBe(4)
})
