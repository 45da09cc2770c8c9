import type { JobRef, StoredEvent } from '../model/deployment.ts'
import { isTerminal, type JobStatus } from '../model/states.ts'

/** One start of a job, as the events tell it. Times in ms since the epoch. */
export interface Attempt {
  readonly jobId: JobRef['jobId']
  readonly attempt: number
  readonly worker?: string
  readonly startedAt: number
  readonly endedAt?: number
  /** How it ended, or what the job went back to; absent while it goes on. */
  readonly to?: JobStatus
  readonly sentence?: string
}

/**
 * The attempts of all jobs in the order of their starts. Events are bounded: what was cut off the beginning of a very long
 * history is missing here too.
 */
export const attemptsOf = (events: readonly StoredEvent[]): Attempt[] => {
  const attempts = new Map<string, Attempt>()
  for (const event of events) {
    if (event.type !== 'job') continue
    const key = `${event.jobId}:${event.attempt}`
    const { jobId, attempt, worker, at, to, sentence } = event
    const known = attempts.get(key)
    if (to === 'preparing') attempts.set(key, { jobId, attempt, startedAt: at, ...(worker === undefined ? {} : { worker }) })
    else if (known !== undefined && known.to === undefined && (isTerminal(to) || to === 'admitted'))
      attempts.set(key, { ...known, endedAt: at, to, ...(sentence === undefined ? {} : { sentence }) })
  }
  return [...attempts.values()]
}
