import { setTimeout as pause } from 'node:timers/promises'
import type { Job, JobRef } from '../model/deployment.ts'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { JobEnd } from '../model/states.ts'
import type { HelmStep } from '../model/step.ts'
import { isPending, originOfNewest } from './helm-origin.ts'
import { decidePending, type JobLife, otherOwner } from './helm-pending.ts'
import { markFailed, releaseRecords } from './helm-record.ts'

export interface Repair {
  readonly connection: ClusterConnection
  readonly job: Job & { readonly step: HelmStep }
  readonly namespace: string
  /** A line of our own in the job's log. */
  readonly say: (text: string) => void
  /** What is known of another job. */
  readonly lifeOf: (job: JobRef) => Promise<JobLife>
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal
}

/** Between two looks at somebody else's revision, in ms. */
const lookMs = 2000
/** An API server that restarts is waited for so long, in ms. */
const patienceMs = 30_000
const againMs = 500

/** Both calls may be repeated: one reads, the other names the version that it changes. @throws what the last try threw */
const patiently = async <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
  const end = performance.now() + patienceMs
  for (;;) {
    try {
      return await work()
    } catch (thrown) {
      const { code } = toTelpherError(thrown)
      if ((code !== 'target_unreachable' && code !== 'target_timeout') || performance.now() >= end) throw thrown
      await pause(againMs, undefined, { signal })
    }
  }
}

/**
 * Before a new attempt: sees to it that helm finds no pending revision. One whose owner is known to be dead is marked as failed, so
 * that helm goes on, and nothing is uninstalled; one of anybody else is waited for, and in the end asked about.
 * @throws TelpherError helm_pending when somebody else's revision stays pending; the signal's reason
 */
export const releasePending = async ({ connection, job, namespace, say, lifeOf, signal }: Repair): Promise<void> => {
  const since = Date.now()
  let waitsFor: string | undefined
  for (;;) {
    const records = await patiently(() => releaseRecords(connection, namespace, job.step.release), signal)
    const other = otherOwner(records, job)
    const life = other === undefined ? 'unknown' : await lifeOf(other)
    const decision = decidePending({ records, job, step: job.step, life, since, now: Date.now() })
    if (decision.type === 'go-on') return
    if (decision.type === 'ask') throw new TelpherError('helm_pending', decision.sentence)
    if (decision.type === 'mark') {
      if (await patiently(() => markFailed(connection, namespace, decision.record, decision.because), signal)) {
        say(decision.said)
        return
      }
    } else if (waitsFor !== decision.sentence) {
      waitsFor = decision.sentence
      say(`${waitsFor}: it is waited for until ${new Date(decision.until).toISOString()}`)
    }
    await pause(lookMs, undefined, { signal })
  }
}

/**
 * After an attempt that did not succeed, when its helm is known to be gone: the revision that it began is recorded as failed,
 * be it pending (helm was killed) or deployed (its objects did not become ready), so that no rollback picks it as good and
 * no later upgrade is refused. What is not of this very attempt is left alone. Never rejects: the end of the job stands.
 */
export const recordFailure = async ({ connection, job, namespace, say }: Omit<Repair, 'lifeOf' | 'signal'>, end: JobEnd): Promise<void> => {
  const { release } = job.step
  try {
    const records = await patiently(() => releaseRecords(connection, namespace, release))
    const [newest] = records
    const origin = originOfNewest(records)
    if (newest === undefined || origin?.jobId !== job.jobId || origin.attempt !== job.attempt) return
    if (!isPending(newest) && newest.status !== 'deployed') return
    if (await patiently(() => markFailed(connection, namespace, newest, `Telpher: ${end.sentence}`)))
      say(`revision ${newest.revision} of the Helm release ${release} is recorded as failed`)
  } catch (thrown) {
    say(`the Helm release ${release} could not be recorded as failed: ${toTelpherError(thrown).message}`)
  }
}
