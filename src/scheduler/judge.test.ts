import { describe, expect, test } from 'vitest'
import { applyStep, sampleRequest, sampleTarget, sampleWorker } from '../../tests/support/samples.ts'
import type { Job } from '../model/deployment.ts'
import type { SeenWorker } from '../model/worker.ts'
import { expand } from './expand.ts'
import { endOf, judge, noteUnlisted } from './judge.ts'

const limits = { deadAfterMs: 10_000, claimMs: 8000, writeLimitMs: 60_000, maxStarts: 5 }
const [pending] = expand(sampleRequest([applyStep('s')], ['t']), [sampleTarget('t')], 0).jobs
const job: Job = { ...pending!, status: 'running', attempt: 1, worker: 'wrk_a' }
const listed = (openWrites: number): SeenWorker['attempts'] => [
  { deploymentId: job.deploymentId, jobId: job.jobId, attempt: 1, openWrites },
]
const worker = (seenAt: number, openWrites = 0): SeenWorker => ({ ...sampleWorker('wrk_a', { attempts: listed(openWrites) }), seenAt })

const look = (
  now: number,
  workers: SeenWorker[],
  options: { since?: number; renewedAt?: number; job?: Job; unlistedSince?: number } = {},
) => {
  const { since = 0, renewedAt = 0, unlistedSince } = options
  const held = { job: options.job ?? job, renewedAt, ...(unlistedSince === undefined ? {} : { unlistedSince }) }
  return judge([held], workers, now, since, limits)
}

describe('judge', () => {
  test('leaves a worker alone that was heard in time', () => {
    expect(look(109_999, [worker(100_000)], { renewedAt: 100_000 })).toEqual([])
  })
  test('starts the attempt of a silent worker anew once its claim has run out', () => {
    expect(look(110_000, [worker(100_000)], { renewedAt: 103_000 })).toEqual([])
    const evidence = { worker: 'wrk_a', name: 'wrk_a', heardAt: 100_000, renewedAt: 103_000, openWrites: 0 }
    expect(look(111_000, [worker(100_000)], { renewedAt: 103_000 })).toEqual([
      { job, action: 'requeue', because: 'worker wrk_a is no longer heard', evidence },
    ])
  })
  test('counts anew after an outage of Redis', () => {
    expect(look(200_000, [worker(100_000)], { since: 195_000 })).toEqual([])
    expect(look(205_000, [worker(100_000)], { since: 195_000 })).toHaveLength(1)
  })
  test('keeps the lock from others while a write of it may be open', () => {
    expect(look(120_000, [worker(100_000, 2)], { renewedAt: 99_000 })[0]?.coolUntil).toBe(107_000 + 60_000)
    expect(look(120_000, [worker(108_000, 2)], { renewedAt: 99_000 })).toHaveLength(1)
    expect(look(120_000, [worker(108_000, 2)], { renewedAt: 99_000 })[0]?.coolUntil).toBe(108_000 + 60_000)
  })
  test('takes for open what the last heartbeat does not speak of', () => {
    const silent: SeenWorker = { ...sampleWorker('wrk_a'), seenAt: 100_000 }
    expect(look(130_000, [silent], { renewedAt: 101_000, unlistedSince: 101_000 })[0]?.coolUntil).toBe(109_000 + 60_000)
  })
  test('takes nothing for open of an attempt whose program had not begun', () => {
    const silent: SeenWorker = { ...sampleWorker('wrk_a'), seenAt: 100_000 }
    const [found] = look(130_000, [silent], { renewedAt: 101_000, unlistedSince: 101_000, job: { ...job, status: 'preparing' } })
    expect(found).toMatchObject({ action: 'requeue' })
    expect(found).not.toHaveProperty('coolUntil')
  })
  test('finds the attempt that a living worker no longer holds, and that of a worker nobody knows', () => {
    const alive: SeenWorker = { ...sampleWorker('wrk_a'), seenAt: 130_000 }
    expect(look(130_000, [alive], { unlistedSince: 121_000 })).toEqual([])
    expect(look(131_000, [alive], { unlistedSince: 121_000 })[0]).toMatchObject({
      action: 'requeue',
      because: 'worker wrk_a no longer holds it',
    })
    expect(look(131_000, [], { unlistedSince: 121_000 })[0]).toMatchObject({
      action: 'requeue',
      because: 'worker wrk_a is gone',
      evidence: { worker: 'wrk_a', renewedAt: 0 },
    })
  })
  test('gives up after so many starts', () => {
    const [sentence] = look(120_000, [worker(100_000)], { job: { ...job, attempt: 5 } })
    expect(sentence?.action).toBe('start-cap')
    expect(sentence && endOf(sentence, 0)).toEqual({
      status: 'errored',
      sentence: 'worker wrk_a is no longer heard, and the job was started 5 times already: it is set aside; the ledger has 0 writes of it',
      code: 'start_cap',
    })
  })
  test('says what was written when an attempt ends as lost', () => {
    expect(endOf({ job, action: 'lost', because: 'worker w is gone' }, 1)).toEqual({
      status: 'lost',
      sentence: 'worker w is gone; the ledger has 1 write of it',
      code: 'job_lost',
    })
  })
})

describe('noteUnlisted', () => {
  test('remembers since when, and forgets it as soon as it is listed', () => {
    const first = noteUnlisted([{ job, renewedAt: 0 }], [], new Map(), 100)
    expect(first.held).toEqual([{ job, renewedAt: 0, unlistedSince: 100 }])
    const second = noteUnlisted([{ job, renewedAt: 0 }], [], first.unlisted, 200)
    expect(second.held[0]?.unlistedSince).toBe(100)
    const third = noteUnlisted([{ job, renewedAt: 0 }], [worker(300)], second.unlisted, 300)
    expect(third.held).toEqual([{ job, renewedAt: 0 }])
    expect(third.unlisted.size).toBe(0)
  })
  test('looks only at jobs that a worker holds', () => {
    expect(noteUnlisted([{ job: pending!, renewedAt: 0 }], [], new Map(), 1).held).toEqual([])
  })
})
