import { z } from 'zod'
import { type ErrorCode, errorTable } from './errors.ts'
import type { JobEnd, JobState } from './states.ts'

/**
 * For what an attempt may be repeated: trouble of Telpher's own ground; trouble with the way to the target; a deadline that passed; and
 * what the deployment itself did not bring about. What was refused by a policy, asked for wrongly or cancelled is the same the next time.
 */
export const retryClasses = ['infrastructure', 'target', 'timeout', 'failure'] as const
export type RetryClass = (typeof retryClasses)[number]

/** How often, for what and when a step is tried again on a target. */
export interface Retries {
  /** Attempts after the first. */
  max: number
  /** What else is an end at once. */
  on: RetryClass[]
  /** Before the first repetition, in seconds; twice as long before each further one, at most ten minutes. */
  backoffSeconds: number
}

/** As written by people: what has a default may be left out. */
export interface RetriesInput {
  max: number
  on?: RetryClass[] | undefined
  backoffSeconds?: number | undefined
}

/** Trouble that is not the deployment's: what is most often over when it is tried again. */
export const usualClasses: RetryClass[] = ['infrastructure', 'target']
const usualBackoffSeconds = 10
const longestBackoffSeconds = 600

export const retriesSchema: z.ZodType<Retries, RetriesInput> = z.strictObject({
  max: z.number().int().min(1).max(10),
  on: z.array(z.enum(retryClasses)).min(1).default(usualClasses),
  backoffSeconds: z.number().min(1).max(longestBackoffSeconds).default(usualBackoffSeconds),
})

/** Ends that another attempt may change although the deployment is at fault: the cluster may have come round. */
const failures: readonly ErrorCode[] = [
  'apply_failed',
  'helm_failed',
  'helm_pending',
  'verify_failed',
  'job_oom',
  'quota_exceeded',
  'admission_denied',
]

/** The class by which an end may be tried again; undefined for one that never is. */
export const retryClassOf = ({ status, code }: JobEnd): RetryClass | undefined => {
  if (status === 'timed_out') return 'timeout'
  if ((status !== 'failed' && status !== 'errored') || code === undefined) return undefined
  if (failures.includes(code)) return 'failure'
  const [, fault, retryable] = errorTable[code]
  if (!retryable) return undefined
  return fault === 'target' ? 'target' : fault === 'infrastructure' ? 'infrastructure' : undefined
}

/**
 * Whether an attempt that has come to this end is to be followed by another one.
 * @param retries of the step; undefined where none were asked for
 * @param done how often the job was tried again already
 * @returns how long the next attempt waits, in ms; undefined when this end is the job's
 */
export const retryDelay = (
  retries: Retries | undefined,
  { retries: done = 0 }: Pick<JobState, 'retries'>,
  end: JobEnd,
): number | undefined => {
  const found = retryClassOf(end)
  if (retries === undefined || found === undefined || !retries.on.includes(found) || done >= retries.max) return undefined
  return Math.min(retries.backoffSeconds * 2 ** done, longestBackoffSeconds) * 1000
}

/** What a job that waits for its next attempt says of itself. @param end of the attempt before */
export const retryReason = (state: Pick<JobState, 'retries' | 'notBefore'>, retries: Retries | undefined, end: JobEnd): string => {
  const at = new Date(state.notBefore ?? 0).toISOString().replace(/\.\d+Z$/, 'Z')
  return `retry ${state.retries} of ${retries?.max ?? state.retries} at ${at}; the last attempt: ${end.sentence}`
}
