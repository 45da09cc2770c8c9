import { expect, test } from 'vitest'
import type { JobStatus } from './states.ts'
import { summaryOf, summaryText } from './summary.ts'

const job = (target: string, status: JobStatus, carried = false) => ({
  target,
  status,
  ...(carried ? { carried: { deploymentId: 'dep_0', jobId: 'job_0' } } : {}),
})

test('each target counts once, by the gravest of its steps', () => {
  const jobs = [
    job('a', 'succeeded'),
    job('a', 'failed'),
    job('b', 'succeeded'),
    job('b', 'skipped'),
    job('c', 'skipped'),
    job('d', 'lost'),
  ]
  const summary = summaryOf(jobs)
  expect(summary).toEqual({ targets: 4, results: { success: 1, failure: 1, error: 1, skip: 1 }, open: 0, failed: ['a', 'd'] })
  expect(summaryText(summary)).toBe('4 targets: 1 success, 1 failure, 1 error, 1 skip')
})

test('one that goes on is open, whatever of it has ended', () => {
  const summary = summaryOf([job('a', 'succeeded'), job('a', 'running'), job('b', 'pending')])
  expect([summary.open, summaryText(summary)]).toEqual([2, '2 targets: 2 not ended'])
})

test('what a retry carries over is a success of its target', () => {
  expect(summaryOf([job('a', 'skipped', true)]).results).toEqual({ success: 1 })
})
