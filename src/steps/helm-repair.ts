import type { Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { HelmStep } from '../model/step.ts'
import { markFailed, releaseRecords } from './helm-record.ts'

const isPending = (status: string): boolean => status.startsWith('pending-')

/**
 * Before a new attempt: a revision that an attempt of this job left pending is marked as failed, so that helm goes on.
 * The earlier attempt was fenced, so nobody works on it. A pending revision of anybody else is left alone and said.
 * @throws TelpherError helm_pending when somebody else's revision is pending
 */
export const releasePending = async (
  connection: ClusterConnection,
  job: Job,
  namespace: string,
  say: (text: string) => void,
): Promise<void> => {
  const step = job.step as HelmStep
  const [newest] = await releaseRecords(connection, namespace, step.release)
  if (newest === undefined || !isPending(newest.status)) return
  const ours = job.attempt > 1 && newest.modifiedAt >= Math.floor((job.startedAt ?? job.createdAt) / 1000) * 1000
  if (!ours) {
    const since = new Date(newest.modifiedAt).toISOString()
    throw new TelpherError(
      'helm_pending',
      `revision ${newest.revision} of the Helm release ${step.release} is ${newest.status} since ${since}, and not by this job`,
    )
  }
  const marked = await markFailed(connection, namespace, newest, `interrupted: the worker of attempt ${job.attempt - 1} was lost`)
  if (marked)
    say(
      `revision ${newest.revision} of the Helm release ${step.release} was left ${newest.status} by attempt ${job.attempt - 1}: it is recorded as failed`,
    )
}

/** After a failed verdict: the newest revision is recorded as failed, so that no rollback picks it as good. */
export const recordFailure = async (
  connection: ClusterConnection,
  step: HelmStep,
  namespace: string,
  say: (text: string) => void,
): Promise<void> => {
  const [newest] = await releaseRecords(connection, namespace, step.release)
  if (newest === undefined || newest.status === 'failed') return
  if (await markFailed(connection, namespace, newest, 'its objects did not become ready'))
    say(`revision ${newest.revision} of the Helm release ${step.release} is recorded as failed`)
}
