import { describe, expect, test } from 'vitest'
import type { DeploymentEvent, Job } from '../model/deployment.ts'
import type { JobStatus } from '../model/states.ts'
import { blockOf, endLine, mostLines } from './block.ts'
import { createPalette } from './color.ts'
import { createRows, type Rows } from './rows.ts'
import { widthOf } from './text.ts'

const plain = createPalette(false)
const jobs = (count: number): Job[] =>
  Array.from(
    { length: count },
    (_, at) => ({ jobId: `job_${at}`, step: { name: 'web' }, target: `t${at}`, createdAt: 1000 }) as unknown as Job,
  )

const moved = (at: number, job: number, to: JobStatus, more: object = {}): DeploymentEvent => ({
  type: 'job',
  at,
  jobId: `job_${job}`,
  step: 'web',
  target: `t${job}`,
  from: 'pending',
  to,
  attempt: 1,
  ...more,
})

const line = (text: string) => ({ n: 1, at: 1, stream: 'stdout' as const, text })
const block = (rows: Rows, columns = 100): string[] => blockOf(rows.all, 0, 13_000, plain, columns)

describe('rows', () => {
  test('say what a job waits for, what it does, and how it ended', () => {
    const rows = createRows(jobs(1))
    expect(block(rows)).toEqual(['· web → t0  pending 12s'])
    rows.take({ type: 'waiting', at: 2000, jobId: 'job_0', reason: 'dep_1 holds the lock \x1b[2J' })
    expect(block(rows)).toEqual(['· web → t0  pending 12s  waits: dep_1 holds the lock '])
    rows.take(moved(3000, 0, 'preparing', { worker: 'w1' }))
    rows.takeLine('job_0', line('\x1b[31mapplied\x1b[0m\x07'))
    rows.takeLine('job_0', { ...line('kept by Telpher'), stream: 'system' })
    expect(block(rows)).toEqual(['⠋ web → t0  preparing 10s', '    applied\\x07'])
    const assessment = { status: 'InProgress', message: '0 of 1 available', rule: 'x' } as const
    const ref = { group: 'apps', version: 'v1', resource: 'deployments', kind: 'Deployment', name: 'web' }
    rows.take(moved(4000, 0, 'verifying', { attempt: 2 }))
    rows.take({ type: 'progress', at: 5000, jobId: 'job_0', objects: [{ ref, assessment }] })
    expect(block(rows)[0]).toBe('⠋ web → t0  verifying (attempt 2) 10s  0/1 ready · Deployment web: 0 of 1 available')
    rows.take({ type: 'progress', at: 6000, jobId: 'job_0', objects: [{ ref, assessment }], of: { total: 5000, ready: 4000 } })
    expect(block(rows)[0]).toBe('⠋ web → t0  verifying (attempt 2) 10s  4000/5000 ready · Deployment web: 0 of 1 available')
    rows.take(moved(9000, 0, 'timed_out', { sentence: 'the deadline passed' }))
    expect(block(rows)).toEqual([])
    expect(rows.all.map((row) => endLine(row, plain, 100))).toEqual(['✗ web → t0  timed out in 6.0s: the deadline passed'])
  })

  test('keep the last twenty lines of a log', () => {
    const rows = createRows(jobs(1))
    for (let at = 1; at <= 30; at++) rows.takeLine('job_0', line(`line ${at}`))
    expect(rows.all[0]?.lastLines).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at + 11}`))
  })

  test('ignore jobs of others', () => {
    const rows = createRows(jobs(1))
    expect(rows.take(moved(1, 7, 'running'))).toBeUndefined()
    expect(rows.takeLine('job_7', line('x'))).toBeUndefined()
  })
})

test.each([1, 3, 4, 5, 8, 9, 200])('the block of %i jobs has at most eight lines, none wider than the terminal', (count) => {
  const rows = createRows(jobs(count))
  for (let at = 0; at < count; at += 2) {
    rows.take(moved(2000, at, 'running'))
    rows.takeLine(`job_${at}`, line('日本語 '.repeat(50)))
  }
  for (const columns of [20, 80]) {
    const lines = block(rows, columns)
    expect(lines.length).toBeLessThanOrEqual(mostLines)
    for (const text of lines) expect(widthOf(text)).toBeLessThanOrEqual(columns)
  }
  if (count === 200) expect(block(rows).at(-1)).toBe('  … and 193 more, 100 waiting')
  if (count === 8) expect(block(rows)).toHaveLength(8)
})
