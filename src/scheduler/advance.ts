import type { Deployment, Job } from '../model/deployment.ts'
import { deploymentResult, isTerminal, type JobEnd, type Result, type TerminalStatus } from '../model/states.ts'
import type { JobSnapshot } from '../store/types.ts'
import { turnOf } from './condition.ts'
import { expiredIn, expiredWithAll } from './expiry.ts'
import { type Leave, leavesOf } from './rollout.ts'

/** What is to be done for a deployment now. Doing any of it twice must change nothing. */
export type Action =
  /** Its first job has left the waiting room. */
  | { readonly type: 'execute' }
  /** May run as soon as it has its lock; ready since that time. */
  | { readonly type: 'admit'; readonly job: Job; readonly readyAt: number }
  /** Not its target's turn yet, for this reason. */
  | { readonly type: 'hold'; readonly job: Job; readonly reason: string }
  /** Admitted: its item must be in the queue of its pool until a worker starts it. */
  | { readonly type: 'await-start'; readonly job: Job; readonly admittedAt: number }
  /** Will never run. */
  | { readonly type: 'skip'; readonly job: Job; readonly end: JobEnd }
  /** Has ended and has not given its lock back. */
  | { readonly type: 'settle'; readonly job: Job }
  | { readonly type: 'finish'; readonly result: Result }

/** The jobs of one target in the order of their steps. */
type Line = readonly JobSnapshot[]

const byTarget = (jobs: readonly JobSnapshot[]): ReadonlyMap<string, Line> =>
  new Map(
    [...Map.groupBy(jobs, ({ job }) => job.target)].map(([target, line]) => [
      target,
      line.toSorted((a, b) => a.job.stepIndex - b.job.stepIndex),
    ]),
  )

/** Since when the step before it is done with. */
const readyAt = (before: Line, deployment: Deployment): number =>
  Math.max(deployment.createdAt, ...before.map(({ job }) => job.endedAt ?? deployment.createdAt))

const waitsStill = (job: Job): boolean => job.status === 'pending' || job.status === 'admitted'

const actionFor = (
  { job, admittedAt = job.createdAt, settled }: JobSnapshot,
  before: Line,
  deployment: Deployment,
  now: number,
): Action | undefined => {
  if (isTerminal(job.status)) return settled ? undefined : { type: 'settle', job }
  if (job.status === 'admitted') {
    const end = expiredIn(job, 'queue', Math.max(admittedAt, job.notBefore ?? 0), now)
    return end === undefined ? { type: 'await-start', job, admittedAt } : { type: 'skip', job, end }
  }
  if (job.status !== 'pending') return undefined
  const turn = turnOf(
    job,
    before.map((snapshot) => snapshot.job),
  )
  if (turn.type === 'skip') return { type: 'skip', job, end: turn.end }
  if (turn.type !== 'run') return undefined
  const since = readyAt(before, deployment)
  const end = expiredIn(job, 'admission', since, now)
  return end === undefined ? { type: 'admit', job, readyAt: since } : { type: 'skip', job, end }
}

const actionsFor = (line: Line, leave: Leave, deployment: Deployment, now: number): (Action | undefined)[] => {
  if (leave.type === 'go') return line.map((snapshot, index) => actionFor(snapshot, line.slice(0, index), deployment, now))
  const first = line.find(({ job }) => job.status === 'pending')
  return line.map((snapshot) => {
    const { job } = snapshot
    if (isTerminal(job.status)) return actionFor(snapshot, [], deployment, now)
    if (leave.type === 'never') return { type: 'skip', job, end: leave.end }
    return snapshot === first ? { type: 'hold', job, reason: leave.reason } : undefined
  })
}

/**
 * What follows from where the jobs are: steps run one after the other on each target, targets beside one another as far as the
 * rollout says; a failure ends its own target's steps only, but for those whose condition asks for it.
 * @param now ms since the epoch, by the clock of Redis
 * @returns nothing when the deployment only waits, or has finished
 */
export const advance = (deployment: Deployment, jobs: readonly JobSnapshot[], now: number): Action[] => {
  if (deployment.state === 'finished') return []
  const late = jobs.flatMap(({ job }): Action[] => {
    const end = waitsStill(job) ? expiredWithAll(job, deployment, now) : undefined
    return end === undefined ? [] : [{ type: 'skip', job, end }]
  })
  if (late.length > 0) return late
  const lines = byTarget(jobs)
  const leaves = leavesOf(deployment, new Map([...lines].map(([target, line]) => [target, line.map(({ job }) => job)])))
  const actions = [...leaves]
    .flatMap(([target, leave]) => actionsFor(lines.get(target) ?? [], leave, deployment, now))
    .filter((action) => action !== undefined)
  const ends = jobs.map(({ job }) => job.status).filter((status): status is TerminalStatus => isTerminal(status))
  if (ends.length === jobs.length && jobs.every(({ settled }) => settled)) return [{ type: 'finish', result: deploymentResult(ends) }]
  const hasBegun = jobs.some(({ job }) => job.status !== 'pending' && job.carried === undefined)
  return deployment.state === 'pending' && hasBegun ? [{ type: 'execute' }, ...actions] : actions
}
