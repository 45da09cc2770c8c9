import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyStep, sampleRequest, sampleTarget } from '../../tests/support/samples.ts'
import type { Deployment, Job } from '../model/deployment.ts'
import type { Rollout } from '../model/rollout.ts'
import { isTerminal, type JobStatus } from '../model/states.ts'
import { advance } from './advance.ts'
import { expand } from './expand.ts'
import { leavesOf } from './rollout.ts'

const setUp = (count: number, rollout: Rollout | undefined): { deployment: Deployment; lines: Map<string, Job[]> } => {
  const targets = Array.from({ length: count }, (_, index) => sampleTarget(`t${index}`))
  const names = targets.map(({ name }) => name)
  const { deployment, jobs } = expand({ ...sampleRequest([applyStep('a')], names), rollout }, targets, 1000)
  return { deployment, lines: new Map(jobs.map((job) => [job.target, [job]])) }
}

const statusOf = (lines: ReadonlyMap<string, readonly Job[]>, name: string): JobStatus => lines.get(name)?.[0]?.status ?? 'pending'
const withStatus = (job: Job, status: JobStatus): Job => ({ ...job, status })

const rollouts = fc.record(
  {
    maxParallel: fc.integer({ min: 1, max: 4 }),
    canary: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.subarray(['t0', 't2', 't3'], { minLength: 1 })),
    stopAfter: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: [] },
)

describe('leavesOf', () => {
  test('keeps to the rollout at every moment, and always ends', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        rollouts,
        fc.array(fc.constantFrom('succeeded', 'failed'), { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        (count, rollout: Rollout, ends, choices) => {
          const { deployment, lines } = setUp(count, rollout)
          const put = (name: string, status: JobStatus): void =>
            void lines.set(
              name,
              (lines.get(name) ?? []).map((job) => withStatus(job, status)),
            )
          const { canary } = rollout
          const canaries = deployment.targets.filter((name, at) =>
            typeof canary === 'number' ? at < canary : (canary?.includes(name) ?? false),
          )
          let ended = 0
          for (let round = 0; deployment.targets.some((name) => !isTerminal(statusOf(lines, name))); round++) {
            expect(round).toBeLessThan(100)
            const failedBefore = deployment.targets.filter((name) => statusOf(lines, name) === 'failed').length
            for (const [name, leave] of leavesOf(deployment, lines)) {
              if (statusOf(lines, name) !== 'pending') continue
              if (leave.type === 'never') put(name, 'skipped')
              if (leave.type !== 'go') continue
              put(name, 'running')
              expect(failedBefore).toBeLessThan(rollout.stopAfter ?? Number.POSITIVE_INFINITY)
              if (!canaries.includes(name)) expect(canaries.every((one) => statusOf(lines, one) === 'succeeded')).toBe(true)
            }
            const running = deployment.targets.filter((name) => statusOf(lines, name) === 'running')
            expect(running.length).toBeLessThanOrEqual(rollout.maxParallel ?? Number.POSITIVE_INFINITY)
            const chosen = running[(choices.next().value ?? 0) % Math.max(1, running.length)]
            if (chosen !== undefined) put(chosen, ends[ended++ % ends.length] ?? 'succeeded')
          }
        },
      ),
    )
  })
  test('what a retry carries over is no beginning', () => {
    const { deployment, lines } = setUp(3, { maxParallel: 1, canary: 1, stopAfter: 1 })
    const carried = (job: Job): Job => ({ ...job, status: 'skipped', carried: { deploymentId: job.deploymentId, jobId: job.jobId } })
    const retried = new Map([...lines].map(([name, line]) => [name, [...line.map(carried), ...line]]))
    expect([...leavesOf(deployment, retried).values()].map(({ type }) => type)).toEqual(['go', 'hold', 'hold'])
    const failed = new Map(retried).set('t0', [...(lines.get('t0') ?? []).map(carried), withStatus(lines.get('t0')![0]!, 'failed')])
    const snapshots = [...failed.values()]
      .flat()
      .map((job, stepIndex) => ({ job: { ...job, stepIndex, jobId: `job_${stepIndex}` }, settled: false }))
    const actions = advance({ ...deployment, state: 'executing' }, snapshots, 0).map(({ type }) => type)
    expect(actions.toSorted()).toEqual(['settle', 'settle', 'settle', 'settle', 'skip', 'skip'])
  })
  test('without a rollout everything goes', () => {
    const { deployment, lines } = setUp(3, undefined)
    expect([...leavesOf(deployment, lines).values()]).toEqual(Array(3).fill({ type: 'go' }))
  })
  test('says what a target waits for, and why one is never begun', () => {
    const { deployment, lines } = setUp(3, { canary: ['t1'], maxParallel: 1 })
    expect(leavesOf(deployment, lines).get('t0')).toEqual({ type: 'hold', reason: 'the canary target t1 has not succeeded yet' })
    const done = new Map(lines).set('t1', [withStatus(lines.get('t1')![0]!, 'succeeded')])
    expect(leavesOf(deployment, done).get('t2')).toEqual({ type: 'hold', reason: '1 target is worked on at a time' })
    const fallen = new Map(lines).set('t1', [withStatus(lines.get('t1')![0]!, 'failed')])
    expect(leavesOf(deployment, fallen).get('t0')).toEqual({
      type: 'never',
      end: { status: 'skipped', sentence: 'not started: the canary target t1 did not succeed' },
    })
  })
})
