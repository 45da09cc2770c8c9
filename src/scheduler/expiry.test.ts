import { expect, test } from 'vitest'
import { applyStep, sampleRequest, sampleTarget } from '../../tests/support/samples.ts'
import type { Job } from '../model/deployment.ts'
import type { DeploymentRequest, Step } from '../model/step.ts'
import { advance } from './advance.ts'
import { expand } from './expand.ts'

const t0 = 1_700_000_000_000
const made = (step: Partial<Step>, request: Partial<DeploymentRequest> = {}) =>
  expand({ ...sampleRequest([{ ...applyStep('web'), ...step } as Step], ['t']), ...request }, [sampleTarget('t')], t0)
const at = (deployment: ReturnType<typeof made>, changes: Partial<Job>, now: number, admittedAt?: number) =>
  advance(
    { ...deployment.deployment, state: 'executing' },
    deployment.jobs.map((job) => ({ job: { ...job, ...changes }, settled: false, ...(admittedAt === undefined ? {} : { admittedAt }) })),
    now,
  )

test('who waits for its lock beyond the admission deadline ends, with what it waited for', () => {
  const one = made({ deadlines: { admission: 30 } })
  expect(at(one, {}, t0 + 29_999)).toMatchObject([{ type: 'admit' }])
  expect(at(one, { waitsFor: 'deployment dep_x holds it' }, t0 + 30_000)).toMatchObject([
    {
      type: 'skip',
      end: {
        status: 'timed_out',
        code: 'deadline_passed',
        sentence: 'the admission deadline of 30 s passed before it began; it waited because deployment dep_x holds it',
      },
    },
  ])
})

test('who waits for a worker beyond the queue deadline ends; the wait between two attempts does not count', () => {
  const one = made({ deadlines: { queue: 10 } })
  expect(at(one, { status: 'admitted' }, t0 + 60_000, t0 + 51_000)).toMatchObject([{ type: 'await-start' }])
  expect(at(one, { status: 'admitted' }, t0 + 61_000, t0 + 51_000)).toMatchObject([{ type: 'skip', end: { status: 'timed_out' } }])
  expect(at(one, { status: 'admitted', notBefore: t0 + 55_000 }, t0 + 61_000, t0 + 51_000)).toMatchObject([{ type: 'await-start' }])
})

test('a deployment whose time is over ends all that waits, and leaves what runs to its worker', () => {
  const one = made({}, { deadlineSeconds: 60 })
  expect(at(one, {}, t0 + 59_999)).toMatchObject([{ type: 'admit' }])
  expect(at(one, {}, t0 + 60_000)).toMatchObject([
    { type: 'skip', end: { sentence: 'the deadline of the deployment, 60 s, passed before it began' } },
  ])
  expect(at(one, { status: 'running' }, t0 + 60_000)).toEqual([])
})

test('nothing waits for ever', () => {
  expect(at(made({}), {}, t0 + 7 * 86_400_000)).toMatchObject([{ type: 'skip', end: { status: 'timed_out' } }])
  expect(at(made({}), { status: 'admitted' }, t0 + 2 * 86_400_000, t0 + 86_400_000)).toMatchObject([{ type: 'skip' }])
})
