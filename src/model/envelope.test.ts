import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Job } from './deployment.ts'
import {
  envelopeVersion,
  isForNewer,
  jobEnvelope,
  mustBeCurrent,
  mustBeSigned,
  neededVersion,
  openEnvelope,
  signEnvelope,
  stepHash,
} from './envelope.ts'
import { type Signed, signText } from './signature.ts'
import type { Step } from './step.ts'

const server = generateKeyPairSync('ed25519')
const trusted = [server.publicKey]
const step: Step = {
  kind: 'apply',
  name: 'web',
  package: 'a'.repeat(64),
  deadlineSeconds: 600,
  retries: { max: 2, on: ['target'], backoffSeconds: 1 },
}
const job = (n: number): Job =>
  ({ deploymentId: `dep_${n}`, jobId: `job_${n}`, attempt: 0, target: `t${n}`, pool: 'default', step }) as unknown as Job
const envelopeOf = (n: number) => jobEnvelope(job(n), 1, { pins: { exec: ['sha256:ab'] }, maxStarts: 5, now: 1000 })

test('what a server signed is read as it was', () => {
  expect(openEnvelope(signEnvelope(envelopeOf(1), server.privateKey), trusted)).toEqual(envelopeOf(1))
  expect(envelopeOf(1)).toMatchObject({ attempts: 7, image: null, notAfter: 86_401_000 })
})

/** `npm run soak` flips each byte of 200. */
const envelopes = Number(process.env['ENVELOPES'] ?? 2)

test(`each byte of ${envelopes} envelopes and their signatures flipped: every one is refused`, { timeout: 3_600_000 }, () => {
  let refused = 0
  let flipped = 0
  const tryOne = (signed: Signed): void => {
    flipped++
    try {
      openEnvelope(signed, trusted)
    } catch (thrown) {
      if ((thrown as { code?: string }).code === 'envelope_refused') refused++
    }
  }
  const flip = (text: string, at: number, bit: number): string => {
    const bytes = Buffer.from(text)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    return bytes.toString('latin1')
  }
  for (let n = 0; n < envelopes; n++) {
    const signed = signEnvelope(envelopeOf(n), server.privateKey)
    for (let at = 0; at < signed.body.length; at++) tryOne({ ...signed, body: flip(signed.body, at, (at + n) % 7) })
    for (let at = 0; at < signed.signature.length; at++) tryOne({ ...signed, signature: flip(signed.signature, at, (at + n) % 7) })
  }
  expect(refused).toBe(flipped)
  expect(flipped).toBeGreaterThan(300 * envelopes)
})

test('what is not signed, or by somebody else, or for another purpose, is refused', () => {
  const body = JSON.stringify(envelopeOf(1))
  for (const signed of [
    undefined,
    { body, signature: '' },
    signText('envelope', body, generateKeyPairSync('ed25519').privateKey),
    signText('enrolment', body, server.privateKey),
    signText('envelope', '{"version":1}', server.privateKey),
  ])
    expect(() => openEnvelope(signed, trusted)).toThrow(expect.objectContaining({ code: 'envelope_refused' }))
})

test('a newer version is for newer workers, where a server signed it', () => {
  const body = JSON.stringify({ version: envelopeVersion + 1, anything: 'else' })
  expect(openEnvelope(signText('envelope', body, server.privateKey), trusted)).toBe('newer')
  expect(() => openEnvelope(signText('envelope', body, generateKeyPairSync('ed25519').privateKey), trusted)).toThrow('no server')
})

test('what a newer server adds within a version is overlooked', () => {
  const body = JSON.stringify({ ...envelopeOf(1), hint: 'of later' })
  expect(openEnvelope(signText('envelope', body, server.privateKey), trusted)).toEqual(envelopeOf(1))
})

test('a deployment is for newer servers when its steps need more than this one understands', () => {
  expect([isForNewer({}), isForNewer({ needs: envelopeVersion }), isForNewer({ needs: envelopeVersion + 1 })]).toEqual([false, false, true])
  expect(envelopeOf(1).version).toBe(neededVersion(step))
})

test('a job is what was signed, whatever order its step was stored in', () => {
  const turned = Object.fromEntries(Object.entries(step).reverse()) as unknown as Step
  expect(stepHash(turned)).toBe(stepHash(step))
  mustBeSigned({ ...job(1), step: turned }, envelopeOf(1))
  for (const change of [{ target: 'other' }, { pool: 'other' }, { step: { ...step, package: 'b'.repeat(64) } }])
    expect(() => mustBeSigned({ ...job(1), ...change } as Job, envelopeOf(1))).toThrow(
      expect.objectContaining({ code: 'envelope_refused' }),
    )
})

test('it is good until its last moment', () => {
  mustBeCurrent(envelopeOf(1), 86_401_000)
  expect(() => mustBeCurrent(envelopeOf(1), 86_401_001)).toThrow(expect.objectContaining({ code: 'envelope_expired' }))
})

test('a verification takes well below a millisecond', () => {
  const signed = signEnvelope(envelopeOf(1), server.privateKey)
  const times = Array.from({ length: 200 }, () => {
    const begun = performance.now()
    openEnvelope(signed, trusted)
    return performance.now() - begun
  }).sort((a, b) => a - b)
  expect(times[100]).toBeLessThan(1)
})
