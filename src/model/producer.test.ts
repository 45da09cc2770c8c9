import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import { mustBeAllowed, newProducerSchema, openSubmission, type Producer, signSubmission, submissionMs } from './producer.ts'

const keys = () => generateKeyPairSync('ed25519')
const pem = ({ publicKey }: ReturnType<typeof keys>): string => publicKey.export({ type: 'spki', format: 'pem' }).toString()
const own = keys()
const now = 1_000_000_000_000
const producer: Producer = { name: 'api', publicKey: pem(own), fingerprint: '', createdAt: 1 }
const submission = {
  version: 1,
  producer: 'api',
  id: 'sub_01JD0000000000000000000000',
  expiresAt: now + 1000,
  request: { steps: [{ kind: 'apply', name: 'web', package: 'a'.repeat(64) }], targets: ['staging'] },
}

describe('a submission', () => {
  test('is opened with what has a default filled in', () => {
    const { id, request } = openSubmission(signSubmission(submission, own.privateKey), producer, now)
    expect([id, request.targets, request.steps[0]?.deadlineSeconds]).toEqual([submission.id, ['staging'], 600])
  })

  test('that was changed, or signed with another key, is refused', () => {
    const { body, signature } = signSubmission(submission, own.privateKey)
    for (const forged of [
      { body: body.replace('staging', 'prod'), signature },
      { body, signature: '' },
      { body, signature: Buffer.alloc(64).toString('base64') },
      signSubmission(submission, keys().privateKey),
    ])
      expect(() => openSubmission(forged, producer, now)).toThrow('not signed with the key of producer api')
  })

  test.each([
    ['of another producer', { producer: 'other' }, "another producer's"],
    ['that has expired', { expiresAt: now - 1 }, 'expired'],
    ['that is good for too long', { expiresAt: now + 3 * submissionMs }, 'expires too late'],
    ['of another version', { version: 2 }, 'version'],
    ['without targets', { request: { ...submission.request, targets: [] } }, 'target'],
    ['that asks for nothing known', { request: 7 }, 'request'],
  ])('%s is refused', (_, changes, problem) => {
    const signed = signSubmission({ ...submission, ...changes }, own.privateKey)
    expect(() => openSubmission(signed, producer, now)).toThrow(problem)
  })
})

describe('a new producer', () => {
  const isTaken = (publicKey: string): boolean => newProducerSchema.safeParse({ name: 'api', publicKey }).success

  test('has an Ed25519 public key', () => {
    expect(isTaken(pem(own))).toBe(true)
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()
    for (const wrong of ['', 'x', rsa]) expect(isTaken(wrong)).toBe(false)
  })

  test('is not taken with its private key', () => {
    expect(isTaken(own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toBe(false)
  })
})

test('a producer deploys only where its tags hold', () => {
  const [staging, prod] = [
    { ...sampleTarget('a'), tags: ['env=staging'] },
    { ...sampleTarget('b'), tags: ['env=prod'] },
  ]
  expect(() => mustBeAllowed(producer, [staging, prod])).not.toThrow()
  expect(() => mustBeAllowed({ ...producer, tags: ['env=staging', 'env=test'] }, [staging])).not.toThrow()
  expect(() => mustBeAllowed({ ...producer, tags: ['env=staging'] }, [staging, prod])).toThrow('producer api may not deploy to b')
})
