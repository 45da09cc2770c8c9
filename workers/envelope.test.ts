import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Job } from '../src/model/deployment.ts'
import { checkEnvelope, envelopeVersion, jobEnvelope, signEnvelope } from '../src/model/envelope.ts'
import { TelpherError } from '../src/model/errors.ts'
import { signText } from '../src/model/signature.ts'
import type { JobEvent } from '../src/model/states.ts'
import type { QueueItem } from '../src/queue/index.ts'
import type { Store } from '../src/store/index.ts'
import { readEnvelope, tellRefusal } from './envelope.ts'

const server = generateKeyPairSync('ed25519')
const trusted = { pool: 'default', serverKeys: [server.publicKey] }
const job = {
  deploymentId: 'dep',
  jobId: 'job',
  attempt: 0,
  status: 'admitted',
  target: 't',
  pool: 'default',
  step: { kind: 'apply', name: 'web' },
} as unknown as Job
const signed = (attempt = 1, of: Partial<Job> = {}) =>
  signEnvelope(jobEnvelope({ ...job, ...of }, attempt, { pins: {}, maxStarts: 5, now: 0 }), server.privateKey)
const item = (change: object = {}): QueueItem =>
  ({ kind: 'job', deploymentId: 'dep', jobId: 'job', attempt: 1, envelope: signed(), ...change }) as QueueItem
const check = (change: object = {}): QueueItem => {
  const of = { deploymentId: 'd', jobId: 'j', attempt: 0, checkId: 'chk', pool: 'default', target: 't' }
  return {
    kind: 'check',
    checkId: 'chk',
    target: 't',
    envelope: signEnvelope(checkEnvelope(of, 0), server.privateKey),
    ...change,
  } as QueueItem
}

test('an item as a server enqueued it is read', () => {
  expect(readEnvelope(item(), trusted, 0)).toMatchObject({ kind: 'job', jobId: 'job', attempt: 1 })
  expect(readEnvelope(check(), trusted, 0)).toMatchObject({ kind: 'check', checkId: 'chk' })
})

test.each<readonly [string, QueueItem, string]>([
  ['unsigned', item({ envelope: undefined }), 'envelope_refused'],
  ['of another job', item({ jobId: 'other' }), 'envelope_refused'],
  ['of another attempt', item({ attempt: 2 }), 'envelope_refused'],
  ['of another pool', item({ envelope: signed(1, { pool: 'eu' }) }), 'envelope_refused'],
  ['of another kind', check({ envelope: signed() }), 'envelope_refused'],
  ['of another target', check({ target: 'other' }), 'envelope_refused'],
  ['beyond the last attempt', item({ attempt: 6, envelope: signed(6) }), 'envelope_refused'],
])('one that is %s is refused', (_, given, code) => {
  expect(() => readEnvelope(given, trusted, 0)).toThrow(expect.objectContaining({ code }))
})

test('one that a newer server signed is left to newer workers, whatever else it says', () => {
  const envelope = signText('envelope', JSON.stringify({ version: envelopeVersion + 1, kind: 'later' }), server.privateKey)
  expect(readEnvelope(item({ envelope }), trusted, 0)).toBe('newer')
})

test('one that has expired is refused', () => {
  expect(() => readEnvelope(item(), trusted, 86_400_001)).toThrow(expect.objectContaining({ code: 'envelope_expired' }))
})

/** A store with the one job; what was done to it. */
const storeOf = (of: Job): { store: Store; applied: JobEvent[] } => {
  const applied: JobEvent[] = []
  const jobs = { get: async () => of, apply: async (_: unknown, event: JobEvent) => void applied.push(event) }
  return { store: { jobs } as unknown as Store, applied }
}
const tell = (given: QueueItem, code: 'envelope_refused' | 'envelope_expired', of: Job = job) => {
  const { store, applied } = storeOf(of)
  return tellRefusal(given, new TelpherError(code, 'why'), { store, pool: 'default', workerName: 'w' }).then(() => applied)
}

test('a refused item ends its job with what is wrong; an expired one leaves it to the scheduler', async () => {
  expect(await tell(item(), 'envelope_refused')).toEqual([
    { type: 'end', attempt: 0, end: { status: 'errored', code: 'envelope_refused', sentence: 'worker w refused its queue item: why' } },
  ])
  expect(await tell(item(), 'envelope_expired')).toEqual([])
})

test('an item that names a job which does not wait to begin so changes nothing', async () => {
  for (const of of [{ status: 'running' }, { attempt: 1 }, { pool: 'eu' }])
    expect(await tell(item(), 'envelope_refused', { ...job, ...of } as Job)).toEqual([])
})
