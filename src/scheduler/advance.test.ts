import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyStep, helmStep, sampleRequest, sampleTarget } from '../../tests/support/samples.ts'
import { deploymentResult, isTerminal, terminalStatuses, transition } from '../model/states.ts'
import { type StepCondition, stepConditions } from '../model/step.ts'
import type { JobSnapshot } from '../store/types.ts'
import { type Action, advance } from './advance.ts'
import { expand } from './expand.ts'

const setUp = (stepCount: number, targetCount: number, conditions: readonly (StepCondition | undefined)[] = []) => {
  const steps = Array.from({ length: stepCount }, (_, index) => ({ ...applyStep(`s${index}`), when: conditions[index] }))
  const targets = Array.from({ length: targetCount }, (_, index) => sampleTarget(`t${index}`))
  const { deployment, jobs } = expand(
    sampleRequest(
      steps,
      targets.map(({ name }) => name),
    ),
    targets,
    1000,
  )
  return { deployment, jobs: jobs.map((job): JobSnapshot => ({ job, settled: false })) }
}

/** Runs a deployment to its end; `ends` says how each job that runs ends. */
const play = (
  stepCount: number,
  targetCount: number,
  ends: readonly (typeof terminalStatuses)[number][],
  conditions: readonly (StepCondition | undefined)[] = [],
) => {
  let { deployment, jobs } = setUp(stepCount, targetCount, conditions)
  const started: string[] = []
  const replace = (changed: JobSnapshot): void => {
    jobs = jobs.map((snapshot) => (snapshot.job.jobId === changed.job.jobId ? changed : snapshot))
  }
  const find = (jobId: string): JobSnapshot => jobs.find(({ job }) => job.jobId === jobId) ?? jobs[0]!
  const perform = (action: Action): void => {
    switch (action.type) {
      case 'execute':
        deployment = { ...deployment, state: 'executing' }
        return
      case 'finish':
        deployment = { ...deployment, state: 'finished', result: action.result }
        return
      case 'settle':
        replace({ ...find(action.job.jobId), settled: true })
        return
      case 'admit':
        replace({ ...find(action.job.jobId), job: { ...action.job, status: 'admitted' } })
        return
      case 'await-start': {
        const status = ends[started.length % ends.length] ?? 'succeeded'
        started.push(action.job.jobId)
        replace({ ...find(action.job.jobId), job: { ...action.job, status, end: { status, sentence: '' }, endedAt: 2000 } })
        return
      }
      case 'skip': {
        const step = transition(action.job, { type: 'end', attempt: action.job.attempt, end: action.end })
        if (step.ok) replace({ ...find(action.job.jobId), job: { ...action.job, ...step.state } })
      }
    }
  }
  let rounds = 0
  for (; deployment.state !== 'finished' && rounds < 1000; rounds++) advance(deployment, jobs, deployment.createdAt).forEach(perform)
  return { deployment, jobs: jobs.map(({ job }) => job), started, rounds }
}

const indexOf = (jobs: readonly { readonly jobId: string; readonly stepIndex: number }[], id: string): number =>
  jobs.find(({ jobId }) => jobId === id)?.stepIndex ?? -1

describe('advance', () => {
  test('brings every deployment to its end, with the result of its jobs', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom(...terminalStatuses), { minLength: 1 }),
        (steps, targets, ends) => {
          const { deployment, jobs } = play(steps, targets, ends)
          expect(deployment.state).toBe('finished')
          const statuses = jobs.map(({ status }) => status).filter(isTerminal)
          expect(statuses.length).toBe(jobs.length)
          expect(deployment.result).toBe(deploymentResult(statuses))
        },
      ),
    )
  })
  test('runs a step only after the one before it on that target succeeded, and skips it else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom(...terminalStatuses), { minLength: 1 }),
        (steps, targets, ends) => {
          const { jobs, started } = play(steps, targets, ends)
          for (const job of jobs) {
            const before = jobs.filter((other) => other.target === job.target && other.stepIndex < job.stepIndex)
            expect(started.includes(job.jobId)).toBe(before.every(({ status }) => status === 'succeeded'))
            if (!started.includes(job.jobId)) expect(job.status).toBe('skipped')
          }
        },
      ),
    )
  })
  test('names the step that failed in the sentence of those it skips', () => {
    const { jobs } = play(3, 1, ['failed'])
    expect(jobs.map(({ end }) => end?.sentence).slice(1)).toEqual(Array(2).fill('skipped: step s0 before it on target t0 ended as failed'))
  })
  test('runs each step by its condition, and ends whatever the conditions are', () => {
    const condition = fc.constantFrom(undefined, ...stepConditions)
    // How a job that runs can end: it is never skipped then.
    const end = fc.constantFrom(...terminalStatuses.filter((status) => status !== 'skipped'))
    fc.assert(
      fc.property(
        fc.array(condition, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(end, { minLength: 1, maxLength: 8 }),
        (conditions, targets, ends) => {
          const { deployment, jobs, started } = play(conditions.length, targets, ends, conditions)
          expect(deployment.state).toBe('finished')
          for (const job of jobs) {
            const before = jobs.filter((other) => other.target === job.target && other.stepIndex < job.stepIndex)
            const isFailed = before.some(({ status }) => !['succeeded', 'skipped'].includes(status))
            const isCancelled = before.some(({ status }) => status === 'cancelled')
            const holds = { success: !isFailed, failure: isFailed, always: true }[job.step.when ?? 'success']
            expect(started.includes(job.jobId)).toBe(holds && !isCancelled)
            // Nothing starts while another step of its target goes on.
            const order = started.filter((id) => jobs.find(({ jobId }) => jobId === id)?.target === job.target)
            expect(order).toEqual(order.toSorted((a, b) => indexOf(jobs, a) - indexOf(jobs, b)))
          }
        },
      ),
    )
  })
  test('waits for the steps before one that runs always, and says why one after a failure is skipped', () => {
    const { deployment, jobs } = setUp(2, 1, [undefined, 'always'])
    expect(advance(deployment, jobs, deployment.createdAt).map((action) => action.type)).toEqual(['admit'])
    const running = jobs.map(
      (snapshot, index): JobSnapshot => (index === 0 ? { ...snapshot, job: { ...snapshot.job, status: 'running' } } : snapshot),
    )
    expect(advance({ ...deployment, state: 'executing' }, running, 0)).toEqual([])
    expect(play(2, 1, ['succeeded'], [undefined, 'failure']).jobs[1]?.end?.sentence).toBe(
      'skipped: it runs after a failure, and no step before it on target t0 failed',
    )
    expect(play(2, 1, ['succeeded'], [undefined, 'failure']).deployment.result).toBe('success')
    expect(play(3, 1, ['failed', 'succeeded'], [undefined, 'failure', 'success']).deployment.result).toBe('failure')
  })
  test('does nothing more once finished', () => {
    const { deployment, jobs } = setUp(1, 1)
    expect(advance({ ...deployment, state: 'finished' }, jobs, 0)).toEqual([])
  })
})

describe('expand', () => {
  test('makes a job for each step and target, locked by what it changes', () => {
    const targets = [sampleTarget('a'), sampleTarget('b', { pool: 'far', namespace: 'other' })]
    const steps = [applyStep('base'), { ...helmStep('app', 'web'), namespace: 'web' }]
    const { deployment, jobs } = expand(sampleRequest(steps, ['a', 'b']), targets, 5)
    expect(deployment).toMatchObject({ targets: ['a', 'b'], state: 'pending', createdAt: 5 })
    expect(jobs.map(({ step, target, pool, lock }) => [step.name, target, pool, lock.clusterId, lock.namespace, lock.subject])).toEqual([
      ['base', 'a', 'default', 'cluster-of-a', 'shop', 'inventory:base'],
      ['base', 'b', 'far', 'cluster-of-b', 'other', 'inventory:base'],
      ['app', 'a', 'default', 'cluster-of-a', 'web', 'helm:web'],
      ['app', 'b', 'far', 'cluster-of-b', 'web', 'helm:web'],
    ])
    expect(new Set(jobs.map(({ jobId }) => jobId)).size).toBe(4)
  })
})
