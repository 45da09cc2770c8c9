import { expect, test } from 'vitest'
import { parseLogLine } from './auditlog.ts'

const event = (changes: object = {}): Record<string, unknown> => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  stage: 'ResponseComplete',
  auditID: 'a-1',
  verb: 'patch',
  userAgent: 'kubectl/v1.36 telpher/job_1/1',
  requestReceivedTimestamp: '2026-11-30T10:00:00.000000Z',
  stageTimestamp: '2026-11-30T10:00:01.000000Z',
  user: { username: 'system:serviceaccount:t:d', extra: { 'authentication.kubernetes.io/credential-id': ['JTI=j-1'] } },
  objectRef: { resource: 'deployments', namespace: 'shop', name: 'web', apiGroup: 'apps', apiVersion: 'v1' },
  responseStatus: { code: 200 },
  ...changes,
})
const line = (changes: object = {}): string => JSON.stringify(event(changes))

test('a finished write is read with who, what, when and its token', () => {
  expect(parseLogLine(line())?.writes).toEqual([
    {
      auditId: 'a-1',
      from: Date.parse('2026-11-30T10:00:00Z'),
      at: Date.parse('2026-11-30T10:00:01Z'),
      username: 'system:serviceaccount:t:d',
      credentialId: 'j-1',
      userAgent: 'kubectl/v1.36 telpher/job_1/1',
      verb: 'patch',
      group: 'apps',
      resource: 'deployments',
      subresource: '',
      namespace: 'shop',
      name: 'web',
      code: 200,
    },
  ])
  const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: [event(), event({ auditID: 'a-2' })] }
  expect(parseLogLine(JSON.stringify(list))?.writes.map(({ auditId }) => auditId)).toEqual(['a-1', 'a-2'])
  const exec = { verb: 'get', objectRef: { resource: 'pods', subresource: 'exec', namespace: 'shop', name: 'web' } }
  expect(parseLogLine(line(exec))?.writes).toMatchObject([{ verb: 'connect', resource: 'pods', subresource: 'exec' }])
})

test.each<readonly [string, object]>([
  ['reads', { verb: 'list' }],
  ['what has only begun', { stage: 'RequestReceived' }],
  ['reviews', { verb: 'create', objectRef: { resource: 'selfsubjectreviews', apiGroup: 'authentication.k8s.io' } }],
  ['what is no resource', { verb: 'post', objectRef: undefined }],
])('%s are no writes', (_, changes) => expect(parseLogLine(line(changes))?.writes).toEqual([]))

test.each([
  ['{"kind":"Event"', 'it is not JSON'],
  ['42', 'it is nothing, and not an Event of audit.k8s.io/v1'],
  ['{"kind":"Event","apiVersion":"v1"}', 'it is Event v1, and not an Event of audit.k8s.io/v1'],
  [line({ stageTimestamp: 'yesterday' }), 'its stageTimestamp is no time'],
])('%s is refused: %s', (text, says) => expect(() => parseLogLine(text)).toThrow(says))

test('an empty line is nothing', () => expect(parseLogLine('  ')).toBeUndefined())
