import { expect, test } from 'vitest'
import { sampleWorker } from '../../tests/support/samples.ts'
import type { SeenWorker } from '../model/worker.ts'
import { judgeWaiting, type QueueFacts, type WaitingJob } from './queue.ts'

const now = 1_700_000_000_000
const worker = (changes: Partial<SeenWorker> = {}): SeenWorker => ({ ...sampleWorker('w'), seenAt: now, ...changes })
const job = (changes: Partial<WaitingJob> = {}): WaitingJob => ({
  deploymentId: 'dep_1',
  step: 'web',
  target: 'staging',
  pool: 'default',
  status: 'admitted',
  since: now - 1000,
  trials: false,
  ...changes,
})
const judge = (changes: Partial<QueueFacts>) => judgeWaiting({ depths: {}, jobs: [], workers: [worker()], now, ...changes })

test.each<[string, Partial<QueueFacts>, unknown[]]>([
  [
    'nothing waits',
    {},
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'ok'],
    ],
  ],
  [
    'what waits has a worker',
    { depths: { default: 3 }, jobs: [job()] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'ok'],
    ],
  ],
  [
    'a queue has nobody',
    { depths: { eu: 2, default: 0 } },
    [
      ['queue', 'fail'],
      ['waiting-jobs', 'ok'],
    ],
  ],
  [
    'a job has nobody',
    { jobs: [job({ pool: 'eu' })] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'fail'],
    ],
  ],
  [
    'its workers drain',
    { workers: [worker({ state: 'draining' })], jobs: [job()] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'fail'],
    ],
  ],
  [
    'its workers are silent',
    { workers: [worker({ seenAt: now - 20_000 })], jobs: [job()] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'fail'],
    ],
  ],
  [
    'its workers isolate nothing',
    { workers: [worker({ executor: 'process' })], jobs: [job()] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'fail'],
    ],
  ],
  [
    'its workers isolate nothing, and need not',
    { workers: [worker({ executor: 'process' })], jobs: [job({ trials: true })] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'ok'],
    ],
  ],
  [
    'one waits for two hours',
    { jobs: [job({ since: now - 7_200_000, status: 'pending', waitsFor: 'a lock' })] },
    [
      ['queue', 'ok'],
      ['waiting-jobs', 'warn'],
    ],
  ],
])('%s', (_, changes, expected) => {
  const found = judge(changes)
  expect(found.map(({ id, status }) => [id, status])).toEqual(expected)
  for (const { status, fix } of found) expect(fix !== undefined).toBe(status !== 'ok')
})

test('a thousand jobs that fail alike are one line, with the command that helps them', () => {
  const found = judge({ jobs: Array.from({ length: 1000 }, () => job({ pool: 'eu' })) })
  expect(found.filter(({ id }) => id === 'waiting-jobs')).toEqual([
    {
      id: 'waiting-jobs',
      subject: 'eu',
      status: 'fail',
      seen: 'web → staging of dep_1, and 999 more: no worker in pool eu is alive',
      fix: 'TELPHER_POOL=eu telpher worker start',
    },
  ])
})

test('the oldest of those that wait for long is named, with what it waits for', () => {
  const jobs = [job({ since: now - 4_000_000 }), job({ since: now - 7_200_000, deploymentId: 'dep_2', waitsFor: 'the lock of web' })]
  expect(judge({ jobs }).at(-1)).toMatchObject({
    seen: expect.stringContaining('for 120 min: the lock of web'),
    fix: expect.stringContaining('dep_2'),
  })
})
