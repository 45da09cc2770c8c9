import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/model/errors.ts'
import { type JobEnd, jobResult } from '../../src/model/states.ts'
import { doubledWrites, type Fact, judge, reportOf, type Verdict } from './judge.ts'
import { drawPlan, faultKinds, loads, planText } from './plan.ts'

const fact = (changes: Partial<Fact> = {}): Fact => ({
  load: 'maps',
  result: 'success',
  jobs: [{ jobId: 'job_1', status: 'succeeded', attempt: 1 }],
  isThere: true,
  endedAt: 1,
  ...changes,
})
/** A deployment whose one job came to this end. */
const endedBy = (end: JobEnd, changes: Partial<Fact> = {}): Fact =>
  fact({ result: jobResult(end.status), isThere: false, jobs: [{ jobId: 'job_1', status: end.status, attempt: 1, end }], ...changes })
const overTime = (sentence: string): JobEnd => ({ status: 'timed_out', code: 'deadline_passed', sentence })
const none: Verdict = { lost: [], doubled: [], falseSuccess: [], stuck: [] }

describe('what was wrong', () => {
  test('nothing, when all is as it was said', () => {
    const failed = fact({ load: 'broken', result: 'failure', jobs: [{ jobId: 'job_2', status: 'failed', attempt: 1 }], isThere: false })
    expect(judge([fact(), failed], [{ jobId: 'job_1', attempt: 1, at: 1 }])).toEqual(none)
  })
  test.each([
    ['lost', fact({ result: undefined, jobs: [] })],
    ['lost', fact({ result: 'error', jobs: [{ jobId: 'job_1', status: 'lost', attempt: 1 }] })],
    ['falseSuccess', fact({ isThere: false })],
    ['falseSuccess', fact({ load: 'broken' })],
    ['stuck', fact({ result: 'unfinished', jobs: [{ jobId: 'job_1', status: 'running', attempt: 1 }] })],
    ['stuck', fact({ jobs: [{ jobId: 'job_1', status: 'admitted', attempt: 1 }] })],
  ] as const)('%s', (what, wrong) => {
    const verdict = judge([fact(), wrong], [])
    expect(verdict[what]).toHaveLength(1)
    expect(Object.values(verdict).flat()).toHaveLength(1)
  })
  test.each<ErrorCode>([
    'start_cap',
    'container_lost',
    'tether_cut',
    'tether_silent',
    'broker_timeout',
    'envelope_refused',
    'worker_stopped',
    'invalid_manifest',
    'token_refused',
  ])('what is good and ends as %s is lost', (code) => {
    const end: JobEnd = { status: 'errored', sentence: 'it did not work', code }
    expect(judge([endedBy(end)], []).lost).toEqual([`maps: errored (${code} it did not work)`])
    // What must fail has failed.
    expect(judge([endedBy(end, { load: 'broken' })], [])).toEqual(none)
  })
  test('what is good and ends as cancelled or without a code, is lost', () => {
    const cancelled = endedBy({ status: 'cancelled', sentence: 'cancelled while running', code: 'cancelled' })
    const mute = endedBy({ status: 'failed', sentence: 'it did not work' })
    expect(judge([cancelled, mute], []).lost).toHaveLength(2)
  })
  test('what must fail may not end by an error of ours', () => {
    const end: JobEnd = { status: 'errored', sentence: 'it did not work', code: 'internal' }
    expect(judge([endedBy(end, { load: 'broken' })], []).lost).toHaveLength(1)
  })
  test.each<ErrorCode>(['target_unreachable', 'target_timeout', 'target_error', 'apply_failed', 'verify_failed', 'job_oom'])(
    'an honest failure is neither lost nor falsely green: %s',
    (code) => {
      expect(judge([endedBy({ status: 'failed', sentence: 'the API server is away', code })], [])).toEqual(none)
    },
  )
  test('what hung until its own deadline is stuck, and once', () => {
    const end = overTime('the deadline of 2m passed while running; nothing had been written')
    const verdict = judge([endedBy(end), endedBy(end, { load: 'broken' })], [])
    expect(verdict).toEqual({ ...none, stuck: [expect.stringContaining('maps: timed_out'), expect.stringContaining('broken: timed_out')] })
  })
  test('what waited for the API server until its deadline is not stuck', () => {
    const waited = 'waiting for an answer of the API server https://127.0.0.1:6443'
    expect(judge([endedBy(overTime(`the deadline of 2m passed while preparing, ${waited}; nothing had been written`))], [])).toEqual(none)
  })
})

describe('writes', () => {
  const write = (attempt: number, at: number, jobId = 'job_1') => ({ jobId, attempt, at })
  test('of attempts one after the other are not doubled', () => {
    expect(doubledWrites([write(1, 0), write(1, 5000), write(2, 9000), write(2, 9500), write(1, 9900, 'job_2')])).toEqual([])
  })
  test('of an attempt after the next one began are', () => {
    expect(doubledWrites([write(1, 0), write(2, 9000), write(1, 10_001)])).toEqual([
      'job_1: 1 writes of an attempt before 2, up to 1001 ms after it began',
    ])
  })
})

describe('a plan', () => {
  test('is the same for the same seed, and differs for others', () => {
    expect(drawPlan(7)).toEqual(drawPlan(7))
    expect(new Set(Array.from({ length: 50 }, (_, seed) => planText(drawPlan(seed)))).size).toBeGreaterThan(45)
  })
  test('of every seed deploys every load and breaks something; all together break everything', () => {
    const plans = Array.from({ length: 300 }, (_, seed) => drawPlan(seed))
    for (const { load, faults } of plans) {
      expect(new Set(load.map((one) => one.load))).toEqual(new Set(loads))
      expect(faults.length).toBeGreaterThanOrEqual(1)
    }
    expect(new Set(plans.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)))).toEqual(new Set(faultKinds))
  })
  test('has the API server away for half a minute, but rarely: what all runs together wait for hardly grows', () => {
    const faults = Array.from({ length: 3000 }, (_, seed) => drawPlan(seed)).flatMap((plan) => plan.faults.map(({ fault }) => fault))
    const outages = faults.filter(({ kind }) => kind === 'apiserver-outage')
    expect(outages.length).toBeGreaterThan(0)
    expect(outages.length / faults.length).toBeLessThan(1 / 30)
    for (const { forMs } of outages) expect([forMs >= 25_000, forMs <= 30_000]).toEqual([true, true])
  })
})

test('a report sums what was wrong, and takes the middle and the longest of the recoveries', () => {
  const wrong: Verdict = { ...none, lost: ['a', 'b'], doubled: ['c'] }
  expect(reportOf([none, wrong, none], 4, [3, 1.04, 20])).toEqual({
    runs: 3,
    lost: 2,
    doubled: 1,
    false_success: 0,
    orphans: 4,
    stuck: 0,
    recovery_p50_s: 3,
    recovery_max_s: 20,
  })
})
