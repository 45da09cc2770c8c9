import { expect, test } from 'vitest'
import type { StoredEvent } from '../model/deployment.ts'
import type { JobStatus } from '../model/states.ts'
import { attemptsOf } from './attempts.ts'

const event = (at: number, attempt: number, from: JobStatus, to: JobStatus, more: object = {}): StoredEvent => ({
  id: `${at}-0`,
  type: 'job',
  at,
  jobId: 'job_1',
  step: 'web',
  target: 'eu',
  from,
  to,
  attempt,
  ...more,
})

test('an attempt that was lost is told of beside the one that ended, and one that goes on has no end', () => {
  const events = [
    event(1, 0, 'pending', 'admitted'),
    event(2, 1, 'admitted', 'preparing', { worker: 'w1' }),
    event(3, 1, 'preparing', 'running', { worker: 'w1' }),
    event(9, 1, 'running', 'admitted'),
    event(10, 2, 'admitted', 'preparing', { worker: 'w2' }),
    event(20, 2, 'verifying', 'failed', { sentence: 'it is broken' }),
    { ...event(30, 1, 'admitted', 'preparing'), jobId: 'job_2' } as StoredEvent,
  ]
  expect(attemptsOf(events)).toEqual([
    { jobId: 'job_1', attempt: 1, worker: 'w1', startedAt: 2, endedAt: 9, to: 'admitted' },
    { jobId: 'job_1', attempt: 2, worker: 'w2', startedAt: 10, endedAt: 20, to: 'failed', sentence: 'it is broken' },
    { jobId: 'job_2', attempt: 1, startedAt: 30 },
  ])
})
