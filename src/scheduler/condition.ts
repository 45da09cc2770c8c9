import type { Job } from '../model/deployment.ts'
import { isTerminal, type JobEnd } from '../model/states.ts'

/** What becomes of a pending job: it waits for those before it, may run, or never will. */
export type Turn = { readonly type: 'wait' } | { readonly type: 'run' } | { readonly type: 'skip'; readonly end: JobEnd }

const skip = (sentence: string): Turn => ({ type: 'skip', end: { status: 'skipped', sentence: `skipped: ${sentence}` } })

const ended = ({ step, target, status }: Job): string => `step ${step.name} before it on target ${target} ended as ${status}`

/** Only a step that asks for a failure is skipped without one: any other skip has its cause before it. */
const isUncalledFor = ({ status, step }: Job): boolean => status === 'skipped' && step.when === 'failure'

/** Whether a job has done what it was for: here, or in the deployment that it was carried over from. */
export const hasSucceeded = ({ status, carried }: Job): boolean => status === 'succeeded' || carried !== undefined

/** Whether a job has ended without its work done, other than by a condition that asks for a failure. */
export const hasFailed = (job: Job): boolean => isTerminal(job.status) && !hasSucceeded(job) && !isUncalledFor(job)

/**
 * Whether a job's condition holds. After a cancelled step nothing runs, whatever its condition: who cancels wants an end.
 * @param before the jobs of the steps before it on its target, in their order
 */
export const turnOf = (job: Job, before: readonly Job[]): Turn => {
  const when = job.step.when ?? 'success'
  const failed = before.find(hasFailed)
  const cancelled = before.find(({ status }) => status === 'cancelled')
  if (cancelled !== undefined) return skip(ended(cancelled))
  if (when === 'success' && failed !== undefined) return skip(ended(failed))
  if (!before.every(({ status }) => isTerminal(status))) return { type: 'wait' }
  if (when === 'failure' && failed === undefined)
    return skip(`it runs after a failure, and no step before it on target ${job.target} failed`)
  return { type: 'run' }
}
