import type { Deployment, Job } from '../model/deployment.ts'
import { deploymentResult, isTerminal, type JobEnd, type Result, type TerminalStatus } from '../model/states.ts'
import type { JobSnapshot } from '../store/types.ts'
import { turnOf } from './condition.ts'

/** What is to be done for a deployment now. Doing any of it twice must change nothing. */
export type Action =
  /** Its first job has left the waiting room. */
  | { readonly type: 'execute' }
  /** May run as soon as it has its lock; ready since that time. */
  | { readonly type: 'admit'; readonly job: Job; readonly readyAt: number }
  /** Admitted: its item must be in the queue of its pool until a worker starts it. */
  | { readonly type: 'await-start'; readonly job: Job; readonly admittedAt: number }
  /** Will never run. */
  | { readonly type: 'skip'; readonly job: Job; readonly end: JobEnd }
  /** Has ended and has not given its lock back. */
  | { readonly type: 'settle'; readonly job: Job }
  | { readonly type: 'finish'; readonly result: Result }

/** The jobs of one target in the order of their steps. */
type Line = readonly JobSnapshot[]

const byTarget = (jobs: readonly JobSnapshot[]): readonly Line[] =>
  [...Map.groupBy(jobs, ({ job }) => job.target).values()].map((line) => line.toSorted((a, b) => a.job.stepIndex - b.job.stepIndex))

/** Since when the step before it is done with. */
const readyAt = (before: Line, deployment: Deployment): number =>
  Math.max(deployment.createdAt, ...before.map(({ job }) => job.endedAt ?? deployment.createdAt))

const actionFor = ({ job, admittedAt, settled }: JobSnapshot, before: Line, deployment: Deployment): Action | undefined => {
  if (isTerminal(job.status)) return settled ? undefined : { type: 'settle', job }
  if (job.status === 'admitted') return { type: 'await-start', job, admittedAt: admittedAt ?? job.createdAt }
  if (job.status !== 'pending') return undefined
  const turn = turnOf(
    job,
    before.map((snapshot) => snapshot.job),
  )
  if (turn.type === 'skip') return { type: 'skip', job, end: turn.end }
  return turn.type === 'run' ? { type: 'admit', job, readyAt: readyAt(before, deployment) } : undefined
}

/**
 * What follows from where the jobs are: steps run one after the other on each target, targets beside one another;
 * a failure ends its own target's steps only, but for those whose condition asks for it.
 * @returns nothing when the deployment only waits, or has finished
 */
export const advance = (deployment: Deployment, jobs: readonly JobSnapshot[]): Action[] => {
  if (deployment.state === 'finished') return []
  const actions = byTarget(jobs)
    .flatMap((line) => line.map((snapshot, index) => actionFor(snapshot, line.slice(0, index), deployment)))
    .filter((action) => action !== undefined)
  const ends = jobs.map(({ job }) => job.status).filter((status): status is TerminalStatus => isTerminal(status))
  if (ends.length === jobs.length && jobs.every(({ settled }) => settled)) return [{ type: 'finish', result: deploymentResult(ends) }]
  const hasBegun = jobs.some(({ job }) => job.status !== 'pending' && job.carried === undefined)
  return deployment.state === 'pending' && hasBegun ? [{ type: 'execute' }, ...actions] : actions
}
