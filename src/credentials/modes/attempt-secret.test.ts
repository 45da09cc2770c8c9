import { expect, test } from 'vitest'
import { newId } from '../../model/ids.ts'
import { attemptOf, attemptSecret, attemptSecretName } from './attempt-secret.ts'

const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 12 }
const secret = attemptSecret(attempt, 'srv_1') as { metadata: { name: string; labels: Record<string, string> } }

test('the name is one of Kubernetes, and the labels lead back', () => {
  expect(attemptSecretName(attempt)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  expect(Object.values(secret.metadata.labels).every((value) => /^[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(value))).toBe(true)
  expect(attemptOf(secret)).toEqual(attempt)
})

test.each([
  ['without labels', { metadata: { name: secret.metadata.name } }],
  ['with another name', { metadata: { ...secret.metadata, name: 'precious' } }],
  ['with a number that is none', { metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, 'telpher.dev/attempt': '1e3' } } }],
  ['that is empty', {}],
])('a Secret %s is of no attempt', (_, found) => expect(attemptOf(found)).toBeUndefined())
