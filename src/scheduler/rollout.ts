import type { Deployment, Job } from '../model/deployment.ts'
import type { Rollout } from '../model/rollout.ts'
import { deploymentResult, isTerminal, type JobEnd, type TerminalStatus } from '../model/states.ts'

/** What a target of a deployment may do now. */
export type Leave =
  | { readonly type: 'go' }
  | { readonly type: 'hold'; readonly reason: string }
  | { readonly type: 'never'; readonly end: JobEnd }

const go: Leave = { type: 'go' }
const hold = (reason: string): Leave => ({ type: 'hold', reason })
const never = (sentence: string): Leave => ({ type: 'never', end: { status: 'skipped', sentence: `not started: ${sentence}` } })

/** Nothing of it has been begun here: what a retry carries over was done by another deployment. */
const isNew = (jobs: readonly Job[]): boolean => jobs.every(({ status, carried }) => status === 'pending' || carried !== undefined)
const isOver = (jobs: readonly Job[]): boolean => jobs.every(({ status }) => isTerminal(status))

/** Whether it has ended and did not succeed; one that was never begun has not failed. */
const hasFailed = (jobs: readonly Job[]): boolean => {
  const ends = jobs.map(({ status }) => status).filter((status): status is TerminalStatus => isTerminal(status))
  return ends.length === jobs.length && !['success', 'skip'].includes(deploymentResult(ends))
}

const canariesOf = ({ canary }: Rollout, targets: readonly string[]): readonly string[] => {
  if (canary === undefined) return []
  return typeof canary === 'number' ? targets.slice(0, canary) : targets.filter((name) => canary.includes(name))
}

/**
 * What each target may do, in the order of the deployment, canaries first. A target that has begun goes on. Whoever is asked again
 * with the same jobs answers the same, and with older jobs never lets more targets go: those that may begin are always the first
 * that have not.
 * @param lines the jobs of each target
 */
export const leavesOf = ({ request, targets }: Deployment, lines: ReadonlyMap<string, readonly Job[]>): ReadonlyMap<string, Leave> => {
  const { rollout } = request
  if (rollout === undefined) return new Map(targets.map((name) => [name, go]))
  const { maxParallel = Number.POSITIVE_INFINITY, stopAfter = Number.POSITIVE_INFINITY } = rollout
  const jobsOf = (name: string): readonly Job[] => lines.get(name) ?? []
  const canaries = canariesOf(rollout, targets)
  const failed = targets.filter((name) => hasFailed(jobsOf(name)))
  const fallen = failed.find((name) => canaries.includes(name))
  const waitsFor = canaries.find((name) => !isOver(jobsOf(name)))
  let room = maxParallel - targets.filter((name) => !isNew(jobsOf(name)) && !isOver(jobsOf(name))).length

  const leaveOf = (name: string): Leave => {
    if (!isNew(jobsOf(name))) return go
    if (failed.length >= stopAfter) return never(`${failed.length} of the targets failed, and this deployment stops after ${stopAfter}`)
    if (!canaries.includes(name)) {
      if (fallen !== undefined) return never(`the canary target ${fallen} did not succeed`)
      if (waitsFor !== undefined) return hold(`the canary target ${waitsFor} has not succeeded yet`)
    }
    return room-- > 0 ? go : hold(`${maxParallel} ${maxParallel === 1 ? 'target is' : 'targets are'} worked on at a time`)
  }
  const ordered = [...canaries, ...targets.filter((name) => !canaries.includes(name))]
  return new Map(ordered.map((name) => [name, leaveOf(name)]))
}
