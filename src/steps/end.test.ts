import { expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { Step } from '../model/step.ts'
import type { ObjectProgress, Verdict } from '../model/verdict.ts'
import { endOfExit, endOfThrown, endOfVerdict } from './end.ts'
import { createStop } from './stop.ts'

const step = (kind: 'apply' | 'helm'): Step => ({ kind, deadlineSeconds: 60 }) as Step
const exit = { code: 1, signal: null, oom: false }
const write = (more: Partial<LedgerEntry>): LedgerEntry =>
  ({
    n: 1,
    at: 0,
    attempt: 1,
    verb: 'patch',
    group: '',
    version: 'v1',
    resource: 'configmaps',
    name: 'a',
    dryRun: false,
    code: 200,
    ms: 1,
    credentialId: 'c',
    ...more,
  }) as LedgerEntry

test.each<[string, 'apply' | 'helm', string, Partial<LedgerEntry>[], string]>([
  [
    'quota',
    'apply',
    '',
    [{ code: 403, reason: 'Forbidden', message: 'pods "a" is forbidden: exceeded quota: q, requested: pods=1' }],
    'quota_exceeded',
  ],
  ['a webhook', 'apply', '', [{ code: 400, message: 'admission webhook "w.example" denied the request: no' }], 'admission_denied'],
  [
    'an immutable field',
    'apply',
    '',
    [{ code: 422, reason: 'Invalid', message: 'Deployment.apps "a" is invalid: spec.selector: field is immutable' }],
    'immutable_field',
  ],
  ['no permission', 'apply', '', [{ code: 403, reason: 'Forbidden', message: 'cannot patch' }], 'target_forbidden'],
  ['a refused credential', 'apply', '', [{ code: 401, reason: 'Unauthorized', message: 'Unauthorized' }], 'target_unauthorized'],
  ['a refused credential, to read', 'apply', 'error: You must be logged in to the server (Unauthorized)', [], 'target_unauthorized'],
  ['no permission to read', 'helm', 'Error: query: failed: secrets is forbidden: User "x" cannot list', [], 'target_forbidden'],
  ['a template', 'helm', 'Error: template: web/templates/a.yaml:3:5: executing "a" at <.Values.x.y>: nil pointer', [], 'chart_invalid'],
  ['another helm', 'helm', 'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress', [], 'helm_pending'],
  ['a conflict', 'apply', '', [{ code: 409, reason: 'Conflict', message: 'conflict with "hpa": .spec.replicas' }], 'apply_failed'],
  ['anything else', 'apply', 'error: something', [{ code: 200 }], 'apply_failed'],
])('the API server’s answer names the class: %s', (_, kind, errors, writes, code) => {
  expect(endOfExit({ step: step(kind), exit, errors, writes: writes.map(write), refusals: [] })).toMatchObject({ status: 'failed', code })
})

test('what the gate refused counts before what the program says of it', () => {
  const end = endOfExit({
    step: step('apply'),
    exit,
    errors: 'error: looks fine',
    writes: [write({})],
    refusals: [{ code: 'gate_namespace', message: 'create in namespace other is refused' }],
  })
  expect(end).toEqual({ status: 'failed', code: 'gate_namespace', sentence: 'create in namespace other is refused' })
})

test('a way to the target that broke under a write is not the fault of the deployment', () => {
  const refusals = [{ code: 'target_error', message: 'the connection to c:6443 broke: read ECONNRESET' }] as const
  expect(endOfExit({ step: step('helm'), exit, errors: '', writes: [write({ code: 0 })], refusals })).toEqual({
    status: 'errored',
    code: 'target_error',
    sentence: 'the connection to c:6443 broke: read ECONNRESET',
  })
})

test('nor is one that broke in the middle of an answer', () => {
  const errors =
    'Error: UPGRADE FAILED: query: failed to query with labels: unexpected error when reading response body. Please retry. Original error: read tcp 127.0.0.1:42794->127.0.0.1:36525: read: connection reset by peer\n'
  const ended = { step: step('helm'), exit, errors, writes: [], refusals: [] } as const
  expect(endOfExit(ended)).toMatchObject({ status: 'errored', code: 'target_error' })
  // What the API server refused is told before.
  expect(endOfExit({ ...ended, writes: [write({ code: 422, message: 'invalid' })] })).toMatchObject({ status: 'failed' })
})

test('want of memory, and a silent end, have their sentences', () => {
  expect(
    endOfExit({ step: step('helm'), exit: { code: 137, signal: null, oom: true }, errors: '', writes: [], refusals: [] }),
  ).toMatchObject({ code: 'job_oom' })
  expect(
    endOfExit({ step: step('apply'), exit: { code: null, signal: 'SIGKILL', oom: false }, errors: '', writes: [], refusals: [] }).sentence,
  ).toContain('SIGKILL')
})

const progress = (name: string, status: ObjectProgress['assessment']['status'], message: string): ObjectProgress => ({
  ref: { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', name },
  assessment: { status, message, rule: 'Deployment' },
})

test.each<[Verdict['outcome'], string, string]>([
  ['current', 'succeeded', '2 objects are current'],
  ['deadline', 'timed_out', 'waiting for Deployment b: 0 of 1'],
])('a verdict of %s', (outcome, status, sentence) => {
  const objects = [progress('a', 'Current', ''), progress('b', outcome === 'current' ? 'Current' : 'InProgress', '0 of 1')]
  const end = endOfVerdict({ outcome, objects, notes: [] }, 'the deadline of 60 s')
  expect(end.status).toBe(status)
  expect(end.sentence).toContain(sentence)
})

test('a failed verdict takes the sentence of its failure', () => {
  const failure = {
    class: 'crash_loop',
    sentence: 'Deployment a: it crashes',
    object: progress('a', 'Failed', '').ref,
    chain: [],
    lastLines: [],
  } as const
  expect(endOfVerdict({ outcome: 'failed', objects: [], failure, notes: [] }, 'the deadline of 60 s')).toMatchObject({
    status: 'failed',
    code: 'verify_failed',
    sentence: 'Deployment a: it crashes',
  })
})

test.each([
  ['invalid_manifest', 'failed'],
  ['target_unreachable', 'errored'],
  ['container_lost', 'errored'],
  ['helm_pending', 'failed'],
  ['internal', 'errored'],
] as const)('whose fault %s is decides the class', (code, status) => {
  expect(endOfThrown(new TelpherError(code, 'so it was'), 'preparing')).toMatchObject({
    status,
    code,
    sentence: expect.stringContaining('so it was'),
  })
})

test('the first reason to stop wins, and says what had been written', () => {
  const stop = createStop(10)
  stop.expire('the deadline of 60 s')
  stop.ask('cancelled')
  expect(stop.reason()).toBe('deadline')
  expect(stop.signal.aborted).toBe(true)
  expect(stop.end('running', [write({}), write({ name: 'b' }), write({ name: 'c', code: 403 })])).toEqual({
    status: 'timed_out',
    code: 'deadline_passed',
    sentence: 'the deadline of 60 s passed while running; 2 objects had been written',
  })
})

test('a deadline tells the trouble that was found, where one was', () => {
  const failure = {
    class: 'probe_failing',
    sentence: 'Deployment a: container web runs, but is not ready: Readiness probe failed',
    object: progress('a', 'InProgress', '').ref,
    chain: [],
    lastLines: [],
  } as const
  const objects = [progress('a', 'InProgress', '0 of 1')]
  expect(endOfVerdict({ outcome: 'deadline', objects, failure, notes: [] }, 'the deadline of 60 s').sentence).toBe(
    'the deadline of 60 s passed while verifying, waiting for Deployment a: container web runs, but is not ready: Readiness probe failed',
  )
})
