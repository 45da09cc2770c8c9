import type { Job, JobRef } from '../model/deployment.ts'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { JobEnd } from '../model/states.ts'
import type { HelmStep } from '../model/step.ts'
import { type HelmRecord, markFailed, releaseRecords } from './helm-record.ts'

/** Whose revision it is; helm keeps labels of its own with each (helm upgrade --labels), from before anything is written. */
const labels = { deployment: 'telpher-deployment', job: 'telpher-job', attempt: 'telpher-attempt' } as const

/** What a job begins a revision of a Helm release with, so that the revision can be told from everybody else's. */
export type Origin = JobRef & { readonly attempt: number }

export const releaseLabels = ({ deploymentId, jobId, attempt }: Origin): Readonly<Record<string, string>> => ({
  [labels.deployment]: deploymentId,
  [labels.job]: jobId,
  [labels.attempt]: String(attempt),
})

const originOf = ({ labels: found }: HelmRecord): Origin | undefined => {
  const [deploymentId, jobId] = [found[labels.deployment], found[labels.job]]
  return deploymentId === undefined || jobId === undefined
    ? undefined
    : { deploymentId, jobId, attempt: Number(found[labels.attempt] ?? 0) }
}

const isPending = ({ status }: HelmRecord): boolean => status.startsWith('pending-')
const named = ({ revision }: HelmRecord, step: HelmStep): string => `revision ${revision} of the Helm release ${step.release}`

export interface Repair {
  readonly connection: ClusterConnection
  readonly job: Job & { readonly step: HelmStep }
  readonly namespace: string
  /** A line of our own in the job's log. */
  readonly say: (text: string) => void
  /** Whether another job of ours has ended for good; false when it is not ours, or nobody knows. */
  readonly hasEnded: (job: JobRef) => Promise<boolean>
}

/**
 * Before a new attempt: a revision that a dead attempt of ours left pending is marked as failed, so that helm goes on.
 * Nobody works on it: earlier attempts of this job were fenced, and other jobs had the lock before us and have ended.
 * A pending revision of anybody else is left alone and said.
 * @throws TelpherError helm_pending when somebody else's revision is pending
 */
export const releasePending = async ({ connection, job, namespace, say, hasEnded }: Repair): Promise<void> => {
  const [newest] = await releaseRecords(connection, namespace, job.step.release)
  if (newest === undefined || !isPending(newest)) return
  const origin = originOf(newest)
  const isOurs = origin !== undefined && (origin.jobId === job.jobId ? origin.attempt < job.attempt : await hasEnded(origin))
  if (!isOurs) {
    const since = new Date(newest.createdAt).toISOString()
    const by = origin === undefined ? 'not by Telpher' : `by job ${origin.jobId}, which has not ended here`
    throw new TelpherError('helm_pending', `${named(newest, job.step)} is ${newest.status} since ${since}, ${by}`)
  }
  const whose = origin.jobId === job.jobId ? `attempt ${origin.attempt}` : `job ${origin.jobId}`
  if (await markFailed(connection, namespace, newest, `interrupted: ${whose} of Telpher was lost`))
    say(`${named(newest, job.step)} was left ${newest.status} by ${whose}: it is recorded as failed`)
}

/**
 * After an attempt that did not succeed, when its helm is known to be gone: the revision that it began is recorded as failed,
 * be it pending (helm was killed) or deployed (its objects did not become ready), so that no rollback picks it as good and
 * no later upgrade is refused. What is not of this very attempt is left alone. Never rejects: the end of the job stands.
 */
export const recordFailure = async ({ connection, job, namespace, say }: Omit<Repair, 'hasEnded'>, end: JobEnd): Promise<void> => {
  try {
    const [newest] = await releaseRecords(connection, namespace, job.step.release)
    const origin = newest === undefined ? undefined : originOf(newest)
    if (newest === undefined || origin?.jobId !== job.jobId || origin.attempt !== job.attempt) return
    if (!isPending(newest) && newest.status !== 'deployed') return
    if (await markFailed(connection, namespace, newest, `Telpher: ${end.sentence}`)) say(`${named(newest, job.step)} is recorded as failed`)
  } catch (thrown) {
    say(`the Helm release ${job.step.release} could not be recorded as failed: ${toTelpherError(thrown).message}`)
  }
}
