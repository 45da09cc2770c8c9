import type { Log } from '../src/log.ts'
import type { JobRef } from '../src/model/deployment.ts'
import { heartbeatMs, type WorkerRecord } from '../src/model/worker.ts'

/** An attempt that this worker holds. */
export interface Held extends JobRef {
  readonly attempt: number
  openWrites(): number
  /** The claim was renewed; `sentAt` is when that was asked, by the monotonic clock. */
  renewed(sentAt: number): void
  superseded(): void
  cancel(): void
}

interface Renewals {
  beat(record: WorkerRecord): Promise<void>
  renew(ref: JobRef, attempt: number, worker: string): Promise<{ held: boolean; cancelRequested: boolean }>
}

export interface Heartbeat {
  hold(attempt: Held): void
  release(attempt: Held): void
  readonly held: ReadonlySet<Held>
  /** Says at once what changed, instead of with the next beat. */
  beat(): Promise<void>
  stop(): Promise<void>
}

/**
 * Renews the worker's record and the claim of each attempt it holds, every two seconds.
 * What Redis does not answer proves nothing: the gates then hold by themselves.
 * @param describe the worker's record but for its attempts
 */
export const startHeartbeat = (store: Renewals, describe: () => Omit<WorkerRecord, 'attempts'>, log: Log): Heartbeat => {
  const held = new Set<Held>()
  let stopped = false
  let running = Promise.resolve()

  const renew = async (attempt: Held): Promise<void> => {
    const sentAt = performance.now()
    const answer = await store.renew({ deploymentId: attempt.deploymentId, jobId: attempt.jobId }, attempt.attempt, describe().id)
    if (!held.has(attempt)) return
    if (!answer.held) return attempt.superseded()
    attempt.renewed(sentAt)
    if (answer.cancelRequested) attempt.cancel()
  }

  const beat = async (): Promise<void> => {
    const attempts = [...held].map((attempt) => ({
      deploymentId: attempt.deploymentId,
      jobId: attempt.jobId,
      attempt: attempt.attempt,
      openWrites: attempt.openWrites(),
    }))
    const answers = await Promise.allSettled([store.beat({ ...describe(), attempts }), ...[...held].map(renew)])
    for (const answer of answers) if (answer.status === 'rejected') log.warn({ err: answer.reason }, 'heartbeat was not answered')
  }

  const timer = setInterval(() => {
    running = beat()
  }, heartbeatMs)

  return {
    held,
    hold: (attempt) => held.add(attempt),
    release: (attempt) => held.delete(attempt),
    beat,
    async stop() {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
