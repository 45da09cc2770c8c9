import { describe, expect, test } from 'vitest'
import { applyStep, helmStep, sampleRequest, sampleTarget } from '../../tests/support/samples.ts'
import type { Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { deploymentResult, type JobStatus, type TerminalStatus } from '../model/states.ts'
import type { Step } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import { advance } from './advance.ts'
import { packagesOf, type Run, rerunOf, retryOf, rollbackTo } from './again.ts'
import { expand } from './expand.ts'

const targetsOf = (...names: string[]): ReadonlyMap<string, Target> => new Map(names.map((name) => [name, sampleTarget(name)]))

/** A deployment that ended so: a row of statuses for each target. */
const ended = (steps: Step[], rows: Readonly<Record<string, readonly JobStatus[]>>, state: 'finished' | 'executing' = 'finished'): Run => {
  const names = Object.keys(rows)
  const { deployment, jobs } = expand(sampleRequest(steps, names), [...targetsOf(...names).values()], 1000)
  const after = jobs.map((job): Job => ({ ...job, status: rows[job.target]?.[job.stepIndex] ?? 'pending' }))
  return { deployment: { ...deployment, state }, jobs: after }
}
const steps = [applyStep('db'), helmStep('web', 'web'), applyStep('smoke')]
const statusesOn = (run: Run, target: string): string[] =>
  run.jobs.filter((job) => job.target === target).map((job) => (job.carried === undefined ? job.status : 'carried'))
const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (thrown) {
    return thrown instanceof TelpherError ? thrown.code : String(thrown)
  }
  return 'nothing was thrown'
}

describe('a retry', () => {
  const first = ended(steps, {
    good: ['succeeded', 'succeeded', 'succeeded'],
    late: ['succeeded', 'failed', 'skipped'],
    early: ['timed_out', 'skipped', 'skipped'],
  })
  const known = targetsOf('good', 'late', 'early')
  const retry = retryOf(first, known, 2000)

  test('leaves out targets that succeeded, and begins on the others from the step that failed', () => {
    expect(retry.deployment).toMatchObject({
      targets: ['late', 'early'],
      lineage: { kind: 'retry', of: first.deployment.id },
      state: 'pending',
      createdAt: 2000,
    })
    expect(statusesOn(retry, 'late')).toEqual(['carried', 'pending', 'pending'])
    expect(statusesOn(retry, 'early')).toEqual(['pending', 'pending', 'pending'])
    expect(packagesOf(retry)).toEqual(['a'.repeat(64), 'b'.repeat(64)])
  })

  test('refers to the run that did the work, also from a retry of a retry', () => {
    const again: Run = {
      deployment: { ...retry.deployment, state: 'finished' },
      jobs: retry.jobs.map((job) => (job.carried === undefined ? { ...job, status: job.stepIndex === 0 ? 'succeeded' : 'failed' } : job)),
    }
    const carried = retryOf(again, known, 3000).jobs.filter((job) => job.carried !== undefined)
    const source = first.jobs.find((job) => job.target === 'late' && job.stepIndex === 0)
    expect(carried.map(({ target, carried: ref }) => [target, ref?.deploymentId])).toEqual([
      ['late', first.deployment.id],
      ['early', retry.deployment.id],
    ])
    expect(carried[0]?.carried?.jobId).toBe(source?.jobId)
    expect(carried[0]?.end?.sentence).toBe(`not run again: it succeeded in ${first.deployment.id}`)
  })

  test('goes on as if the carried steps had just succeeded, and its result is that of the others', () => {
    const snapshots = retry.jobs.map((job) => ({ job, settled: job.carried !== undefined }))
    const actions = advance(retry.deployment, snapshots, 0).map((action) =>
      'job' in action ? [action.type, action.job.target, action.job.step.name] : [action.type],
    )
    expect(actions).toEqual([
      ['admit', 'late', 'web'],
      ['admit', 'early', 'db'],
    ])
    const statuses = retry.jobs.map((job): TerminalStatus => (job.carried === undefined ? 'succeeded' : 'skipped'))
    expect(deploymentResult(statuses)).toBe('success')
  })

  test('runs steps for a failure and for every end again, as they depend on the step that failed', () => {
    const conditional: Step[] = [
      applyStep('db'),
      { ...applyStep('rescue'), when: 'failure' },
      applyStep('web'),
      { ...applyStep('tell'), when: 'always' },
    ]
    const run = ended(conditional, { one: ['succeeded', 'skipped', 'failed', 'succeeded'] })
    expect(statusesOn(retryOf(run, targetsOf('one'), 2000), 'one')).toEqual(['carried', 'pending', 'pending', 'pending'])
  })

  test('does again what was done on another cluster or in another namespace', () => {
    const moved = new Map([...known, ['late', sampleTarget('late', { clusterId: 'another' })]])
    expect(statusesOn(retryOf(first, moved, 2000), 'late')).toEqual(['pending', 'pending', 'pending'])
    const renamed = new Map([...known, ['late', sampleTarget('late', { namespace: 'another' })]])
    expect(statusesOn(retryOf(first, renamed, 2000), 'late')).toEqual(['pending', 'pending', 'pending'])
  })

  test('goes to the targets that the first run went to, whatever its tag finds by now', () => {
    const tagged: Run = { ...first, deployment: { ...first.deployment, request: { ...first.deployment.request, tag: 'env=prod' } } }
    expect(retryOf(tagged, known, 2000).deployment.request).toMatchObject({ targets: ['late', 'early'] })
    expect(retryOf(tagged, known, 2000).deployment.request).not.toHaveProperty('tag')
  })

  test.each([
    ['still runs', () => retryOf(ended(steps, { one: ['failed', 'skipped', 'pending'] }, 'executing'), known, 1), 'deployment_running'],
    ['has no failure', () => retryOf(ended(steps, { good: ['succeeded', 'succeeded', 'succeeded'] }), known, 1), 'nothing_failed'],
    ['failed on a target that is gone', () => retryOf(first, targetsOf('good', 'late'), 1), 'unknown_target'],
  ])('of a deployment that %s is refused', (_, work, code) => {
    expect(codeOf(work)).toBe(code)
  })

  test('of a cancelled deployment does what was cancelled', () => {
    const run = ended(steps, { one: ['succeeded', 'cancelled', 'skipped'] })
    expect(statusesOn(retryOf(run, targetsOf('one'), 2), 'one')).toEqual(['carried', 'pending', 'pending'])
  })
})

test('a rerun does everything again on all its targets', () => {
  const first = ended(steps, { a: ['succeeded', 'succeeded', 'succeeded'], b: ['failed', 'skipped', 'skipped'] })
  const run = rerunOf(first, targetsOf('a', 'b'), 2)
  expect(run.deployment).toMatchObject({ targets: ['a', 'b'], lineage: { kind: 'rerun', of: first.deployment.id } })
  expect(run.jobs.map(({ status }) => status)).toEqual(Array(6).fill('pending'))
  expect(codeOf(() => rerunOf(first, targetsOf('a'), 2))).toBe('unknown_target')
})

test('a rollback takes what an earlier deployment took, when that has ended and a step of it succeeded', () => {
  const first = ended(steps, { a: ['succeeded', 'failed', 'skipped'] })
  const run = rollbackTo(first, targetsOf('a'), 2)
  expect(run.deployment).toMatchObject({ lineage: { kind: 'rollback', of: first.deployment.id }, request: { steps } })
  expect(run.jobs.map(({ status }) => status)).toEqual(['pending', 'pending', 'pending'])
  const failed = ended(steps, { a: ['failed', 'skipped', 'skipped'] })
  expect(codeOf(() => rollbackTo(failed, targetsOf('a'), 2))).toBe('never_succeeded')
  expect(codeOf(() => rollbackTo({ ...first, deployment: { ...first.deployment, state: 'executing' } }, targetsOf('a'), 2))).toBe(
    'deployment_running',
  )
})
