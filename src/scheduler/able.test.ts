import { expect, test } from 'vitest'
import type { Job } from '../model/deployment.ts'
import { envelopeVersion } from '../model/envelope.ts'
import type { SeenWorker } from '../model/worker.ts'
import { nobodyFor, tooOldFor } from './able.ts'

const job = { pool: 'default', step: { kind: 'apply' } } as Job
const worker = (name: string, of: Partial<SeenWorker> = {}): SeenWorker =>
  ({ name, pool: 'default', state: 'available', version: '0.1.0', envelope: envelopeVersion, ...of }) as SeenWorker
const old = (name: string): SeenWorker => worker(name, { envelope: 0 })

test('nothing is said while somebody can, or while nothing is known', () => {
  expect(nobodyFor(job, undefined)).toBeUndefined()
  expect(nobodyFor(job, [old('a'), worker('b')])).toBeUndefined()
  expect(nobodyFor(job, [worker('a', { envelope: envelopeVersion + 1 })])).toBeUndefined()
})

test('where nobody is heard in its pool, that is said', () => {
  for (const workers of [[], [worker('a', { pool: 'eu' })], [worker('a', { state: 'draining' })]]) {
    expect(nobodyFor(job, workers)).toBe('no worker in pool default is alive')
    expect(tooOldFor(job, workers)).toBeUndefined()
  }
})

test('where all are too old, those to replace are named', () => {
  const said = 'no worker in pool default is new enough for it: replace'
  expect(tooOldFor(job, [old('a')])).toBe(`${said} a (0.1.0) by newer ones`)
  expect(nobodyFor(job, [old('a'), worker('new', { state: 'draining' })])).toBe(`${said} a (0.1.0) by newer ones`)
  expect(tooOldFor(job, ['a', 'b', 'c', 'd', 'e'].map(old))).toBe(`${said} a (0.1.0), b (0.1.0), c (0.1.0) and 2 more by newer ones`)
})
