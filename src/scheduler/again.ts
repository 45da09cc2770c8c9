import { isDeepStrictEqual } from 'node:util'
import type { Deployment, Job, LineageKind } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import type { DeploymentRequest } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import { hasFailed, hasSucceeded } from './condition.ts'
import { expand } from './expand.ts'

/** A deployment and its jobs. */
export interface Run {
  readonly deployment: Deployment
  readonly jobs: readonly Job[]
}

/** The earlier deployment's request, for exactly the targets it went to: a tag may find others by now. */
const requestFor = ({ deployment }: Run, targets: readonly string[]): DeploymentRequest => {
  const { tag: _, ...request } = deployment.request
  return { ...request, targets: [...targets] }
}

const targetsNamed = (names: readonly string[], of: string, known: ReadonlyMap<string, Target>): Target[] =>
  names.map((name) => {
    const target = known.get(name)
    if (target === undefined) throw new TelpherError('unknown_target', `target ${name} of ${of} is no longer there`, { field: 'targets' })
    return target
  })

/** The same steps on some of its targets, as a deployment of its own that knows where it comes from. */
const repeat = (earlier: Run, kind: LineageKind, names: readonly string[], known: ReadonlyMap<string, Target>, now: number): Run => {
  const { id } = earlier.deployment
  const { deployment, jobs } = expand(requestFor(earlier, names), targetsNamed(names, id, known), now)
  return { deployment: { ...deployment, lineage: { kind, of: id } }, jobs }
}

const mustHaveEnded = ({ deployment: { id, state } }: Run): void => {
  if (state !== 'finished') throw new TelpherError('deployment_running', `${id} has not ended: it is ${state}`)
}

/** What was done on a target before its first failure: from there on every step depends on what failed. */
const doneOn = (line: readonly Job[]): readonly Job[] => {
  const first = line.findIndex((job) => !isTerminal(job.status) || hasFailed(job))
  return line.slice(0, first === -1 ? undefined : first).filter(hasSucceeded)
}

/** A job that is not run: its work was done by another one, by the first that did it where retries follow each other. */
const carry = (job: Job, done: Job, now: number): Job => {
  const carried = done.carried ?? { deploymentId: done.deploymentId, jobId: done.jobId }
  const sentence = `not run again: it succeeded in ${carried.deploymentId}`
  return { ...job, status: 'skipped', end: { status: 'skipped', sentence }, endedAt: now, carried }
}

/**
 * The failed part of a deployment once more: targets on which every step succeeded are left out, and on the others what
 * succeeded before the first failure is carried over. What was done on another cluster or in another namespace than the
 * target now names is done again.
 * @param known all targets by name
 * @param now ms since the epoch
 * @throws TelpherError deployment_running, nothing_failed; unknown_target when one of the failed ones is gone
 */
export const retryOf = (earlier: Run, known: ReadonlyMap<string, Target>, now: number): Run => {
  mustHaveEnded(earlier)
  const lines = Map.groupBy(
    earlier.jobs.toSorted((a, b) => a.stepIndex - b.stepIndex),
    ({ target }) => target,
  )
  const failed = earlier.deployment.targets.filter((name) => lines.get(name)?.some(hasFailed))
  if (failed.length === 0) throw new TelpherError('nothing_failed', `nothing failed in ${earlier.deployment.id}`)
  const { deployment, jobs } = repeat(earlier, 'retry', failed, known, now)
  const done = new Map([...lines].map(([name, line]) => [name, doneOn(line)]))
  const next = jobs.map((job) => {
    const before = done.get(job.target)?.find(({ stepIndex, lock }) => stepIndex === job.stepIndex && isDeepStrictEqual(lock, job.lock))
    return before === undefined ? job : carry(job, before, now)
  })
  return { deployment, jobs: next }
}

/** Everything once more, with the same packages and inputs on the same targets. @throws TelpherError unknown_target when one is gone */
export const rerunOf = (earlier: Run, known: ReadonlyMap<string, Target>, now: number): Run =>
  repeat(earlier, 'rerun', earlier.deployment.targets, known, now)

/**
 * How it was after an earlier deployment: its packages and inputs on its targets.
 * @throws TelpherError deployment_running; never_succeeded when no step of it did; unknown_target when a target is gone
 */
export const rollbackTo = (earlier: Run, known: ReadonlyMap<string, Target>, now: number): Run => {
  mustHaveEnded(earlier)
  if (!earlier.jobs.some(hasSucceeded))
    throw new TelpherError('never_succeeded', `no step of ${earlier.deployment.id} succeeded: there is nothing to go back to`)
  return repeat(earlier, 'rollback', earlier.deployment.targets, known, now)
}

/** The packages that the jobs which are to run need, each once. */
export const packagesOf = ({ jobs }: Run): string[] => [
  ...new Set(jobs.filter(({ carried }) => carried === undefined).map(({ step }) => step.package)),
]
