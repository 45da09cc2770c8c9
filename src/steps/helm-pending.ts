import type { AttemptRef, JobRef } from '../model/deployment.ts'
import type { HelmStep } from '../model/step.ts'
import { isPending, originOfNewest } from './helm-origin.ts'
import type { HelmRecord } from './helm-record.ts'

/** What is known of a job: it has ended for good, it has not, or it is none of this installation's. */
export type JobLife = 'ended' | 'active' | 'unknown'

/** What is to be done about the newest revision of a release before helm is run. */
export type PendingDecision =
  | { readonly type: 'go-on' }
  /** Nobody works on it any more, or it is to be taken from whoever does: it is marked as failed. @property because for helm's history */
  | { readonly type: 'mark'; readonly record: HelmRecord; readonly because: string; readonly said: string }
  /** @property sentence names the release, its revision, its state, since when, and whose it is */
  | { readonly type: 'wait'; readonly sentence: string; readonly until: number }
  | { readonly type: 'ask'; readonly sentence: string }

export interface PendingScene {
  /** Of the release, newest first. */
  readonly records: readonly HelmRecord[]
  readonly job: AttemptRef
  readonly step: Pick<HelmStep, 'release' | 'takeOver' | 'deadlineSeconds'>
  /** Of the job that began the newest revision, when that is another job of Telpher. */
  readonly life: JobLife
  /** Since when this attempt looks, and now, in ms since the epoch. */
  readonly since: number
  readonly now: number
}

/** A helm that was given no other time ends by then (helm upgrade --timeout), in ms. */
const usualTimeoutMs = 300_000

/** Another job of Telpher that may have begun the newest revision, and whose life decides about it. */
export const otherOwner = (records: readonly HelmRecord[], job: JobRef): JobRef | undefined => {
  const [newest] = records
  if (newest === undefined || !isPending(newest)) return undefined
  const origin = originOfNewest(records)
  return origin === undefined || origin.jobId === job.jobId ? undefined : origin
}

type Owner =
  | { readonly is: 'dead'; readonly name: string }
  | { readonly is: 'active' | 'unknown'; readonly name: string; readonly hint: string }

const takeOverHint = 'wait until that helm has ended; once it is known to be dead, deploy with --take-over'

const ownerOf = ({ records, job, life }: PendingScene): Owner => {
  const origin = originOfNewest(records)
  if (origin === undefined) return { is: 'unknown', name: 'by another tool than Telpher', hint: takeOverHint }
  if (origin.jobId === job.jobId && origin.attempt < job.attempt) return { is: 'dead', name: `attempt ${origin.attempt}` }
  const name = `by job ${origin.jobId} of ${origin.deploymentId}`
  if (origin.jobId === job.jobId || life === 'active')
    return { is: 'active', name: `${name}, which has not ended`, hint: `wait for it, or: telpher cancel ${origin.deploymentId}` }
  if (life === 'ended') return { is: 'dead', name: `job ${origin.jobId}` }
  return { is: 'unknown', name: `${name}, which is not known here`, hint: takeOverHint }
}

/**
 * What is to be done about a release before helm is run: pure. Of an owner that is known to be dead, a pending revision is marked as
 * failed: earlier attempts of the job were fenced, and other jobs had the lock before it and have ended. Anybody else is waited for
 * as long as a usual helm lives, but for no more than half of the step's time, and then asked about.
 */
export const decidePending = (scene: PendingScene): PendingDecision => {
  const { records, step, since, now } = scene
  const [record] = records
  if (record === undefined || !isPending(record)) return { type: 'go-on' }
  const owner = ownerOf(scene)
  const named = `revision ${record.revision} of the Helm release ${step.release}`
  if (owner.is === 'dead') {
    const said = `${named} was left ${record.status} by ${owner.name}: it is recorded as failed`
    return { type: 'mark', record, because: `interrupted: ${owner.name} of Telpher was lost`, said }
  }
  const begun = new Date(record.createdAt).toISOString()
  if (owner.is === 'unknown' && step.takeOver === true) {
    const said = `${named}, ${record.status} since ${begun} ${owner.name}, is taken over: it is recorded as failed`
    return { type: 'mark', record, because: 'taken over by Telpher while it was pending', said }
  }
  const sentence = `${named} is ${record.status} since ${begun}, begun ${owner.name}`
  const until = Math.min(record.createdAt + usualTimeoutMs, since + usualTimeoutMs, since + step.deadlineSeconds * 500)
  return now < until ? { type: 'wait', sentence, until } : { type: 'ask', sentence: `${sentence}: ${owner.hint}` }
}
