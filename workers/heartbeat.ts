import type { Log } from '../src/log.ts'
import type { JobRef } from '../src/model/deployment.ts'
import { claimMs, heartbeatMs, type WorkerRecord } from '../src/model/worker.ts'
import { untilThrough } from '../src/store/index.ts'

/** An attempt that this worker holds. */
export interface Held extends JobRef {
  readonly attempt: number
  /** When it began, ms since the epoch. */
  readonly since: number
  openWrites(): number
  /** The claim was renewed; `sentAt` is when that was asked, by the monotonic clock. */
  renewed(sentAt: number): void
  superseded(): void
  /** This worker has to end: another one is to take the job up, where that may be. */
  handBack(): void
  /** @param force without time for the program */
  cancel(force: boolean): void
}

interface Renewals {
  beat(record: WorkerRecord): Promise<{ drainAsked: boolean }>
  renew(ref: JobRef, attempt: number, worker: string): Promise<{ held: boolean; cancelRequested: boolean; cancelForced: boolean }>
}

export interface Heartbeat {
  hold(attempt: Held): void
  release(attempt: Held): void
  readonly held: ReadonlySet<Held>
  /** Since when nobody was heard to have heard it, in ms; infinite before the first time. */
  silentMs(): number
  /** Says at once what changed, instead of with the next beat. */
  beat(): Promise<void>
  /**
   * Resolves when this worker was heard so lately that nobody calls it dead; says its word first when it was not.
   * A worker that stood still begins nothing before it.
   * @throws TelpherError redis_timeout, redis_unreachable when Redis stays away for ten minutes
   */
  heard(): Promise<void>
  stop(): Promise<void>
}

/** A beat that comes so much too late, in ms, is worth a word: the process was stopped, or its event loop blocked. */
const stallMs = 1000

/**
 * Renews the worker's record and the claim of each attempt it holds, every two seconds.
 * What Redis does not answer proves nothing: the gates then hold by themselves.
 * @param describe the worker's record but for its attempts
 * @param onDrain called, maybe more than once, when somebody asked this worker to drain
 */
export const startHeartbeat = (
  store: Renewals,
  describe: () => Omit<WorkerRecord, 'attempts'>,
  log: Log,
  onDrain: () => void = () => {},
): Heartbeat => {
  const held = new Set<Held>()
  let stopped = false
  let running = Promise.resolve()
  let heardAt = Number.NEGATIVE_INFINITY
  let tickedAt = performance.now()

  const say = async (): Promise<void> => {
    const attempts = [...held].map((attempt) => ({
      deploymentId: attempt.deploymentId,
      jobId: attempt.jobId,
      attempt: attempt.attempt,
      openWrites: attempt.openWrites(),
      since: attempt.since,
    }))
    const sentAt = performance.now()
    const { drainAsked } = await store.beat({ ...describe(), attempts })
    heardAt = Math.max(heardAt, sentAt)
    if (drainAsked) onDrain()
  }

  const renew = async (attempt: Held): Promise<void> => {
    const sentAt = performance.now()
    const answer = await store.renew({ deploymentId: attempt.deploymentId, jobId: attempt.jobId }, attempt.attempt, describe().id)
    if (!held.has(attempt)) return
    if (!answer.held) return attempt.superseded()
    attempt.renewed(sentAt)
    if (answer.cancelRequested) attempt.cancel(answer.cancelForced)
  }

  const beat = async (): Promise<void> => {
    const answers = await Promise.allSettled([say(), ...[...held].map(renew)])
    for (const answer of answers) if (answer.status === 'rejected') log.warn({ err: answer.reason }, 'heartbeat was not answered')
  }

  const timer = setInterval(() => {
    const lateMs = Math.round(performance.now() - tickedAt - heartbeatMs)
    tickedAt = performance.now()
    if (lateMs > stallMs) log.warn({ lateMs }, 'this worker stood still: its gates hold until its claims are proven again')
    running = beat()
  }, heartbeatMs)

  return {
    held,
    hold: (attempt) => held.add(attempt),
    release: (attempt) => held.delete(attempt),
    silentMs: () => performance.now() - heardAt,
    beat,
    heard: async () => {
      if (performance.now() - heardAt >= claimMs) await untilThrough(say)
    },
    async stop() {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
