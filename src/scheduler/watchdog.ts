import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEntry } from '../model/audit.ts'
import type { Job } from '../model/deployment.ts'
import { type Loss, writesOfAttempt } from '../model/loss.ts'
import { claimMs, deadAfterMs, defaultMaxStarts, type SeenWorker, writeLimitMs } from '../model/worker.ts'
import { cool } from './admit.ts'
import { createFencing, defaultFencingLimits, type Fenced, type FencingLimits, type FencingOptions } from './fencing.ts'
import { itemOf } from './handle.ts'
import { endOf, type HeldJob, type JudgeLimits, judge, noteUnlisted, type Sentence } from './judge.ts'
import { holdsLock } from './turn.ts'
import type { LoopOptions } from './types.ts'

interface WatchdogLimits extends JudgeLimits, FencingLimits {
  /** Between two looks, in ms. */
  readonly lookMs: number
  /** Two answers of Redis further apart than this count as an outage between them, in ms. */
  readonly gapMs: number
  /** A clock of Redis that went so far from ours between two looks is another one's: a master that took over, in ms. */
  readonly stepMs: number
}

const defaultWatchdogLimits: WatchdogLimits = {
  deadAfterMs,
  claimMs,
  writeLimitMs,
  maxStarts: defaultMaxStarts,
  lookMs: 1000,
  gapMs: 3000,
  stepMs: 2000,
  ...defaultFencingLimits,
}

export interface WatchdogOptions extends LoopOptions {
  /** Ends what a lost attempt was given, and resolves when the API server refuses it. */
  readonly fence: FencingOptions['fence']
  /** What came of each fence of this server. */
  readonly onFenced?: FencingOptions['onFenced']
  readonly limits?: Partial<WatchdogLimits>
}

/** What the record keeps of a lost attempt: until when it may have written without anybody having seen the answer. */
const lostEntry = ({ deploymentId, jobId, target }: Job, { attempt, at, worker, heardAt, renewedAt }: Loss): AuditEntry => ({
  type: 'attempt',
  action: 'lost',
  name: jobId,
  at,
  who: 'server',
  target,
  deploymentId,
  jobId,
  attempt,
  outcome: 'done',
  detail: { worker, renewedAt, ...(heardAt === undefined ? {} : { heardAt }) },
})

/**
 * Starts the loop that finds the attempts of dead workers and starts them anew, or ends them.
 * @returns settles when the loop has ended after the signal
 */
export const startWatchdog = (options: WatchdogOptions): { readonly stopped: Promise<void> } => {
  const { store, queue, log, signal } = options
  const limits: WatchdogLimits = { ...defaultWatchdogLimits, ...options.limits }
  const fencing = createFencing(options, limits)
  let unlisted: ReadonlyMap<string, number> = new Map()
  let answeredSince: number | undefined
  let answeredAt = 0
  let last: { readonly now: number; readonly at: number } | undefined

  /**
   * Since when Redis has answered every look, by its own clock; the gap itself is measured by ours, which never jumps. Heartbeats bear the
   * time of the master that took them: when another one took over, with a clock of its own, they say nothing until there are new ones.
   */
  const answered = (now: number): number => {
    const at = performance.now()
    const stepped = last !== undefined && Math.abs(now - last.now - (at - last.at)) > limits.stepMs
    if (answeredSince === undefined || at - answeredAt > limits.gapMs || now < answeredSince || stepped) answeredSince = now
    answeredAt = at
    last = { now, at }
    return answeredSince
  }
  const heldJobs = async () => {
    const ids = await store.deployments.active()
    const found = await Promise.all(ids.map((id) => store.deployments.snapshot(id).catch(() => undefined)))
    return found.flatMap((snapshot) => snapshot?.jobs ?? []).map(({ job, renewedAt }) => ({ job, renewedAt: renewedAt ?? 0 }))
  }

  const carryOut = async ({ how }: Fenced, sentence: Sentence): Promise<void> => {
    const { job, action, coolUntil } = sentence
    const because = `${sentence.because}${how}`
    const { attempt } = job
    // First the lock: were this server to die after the next line, no other job must find it warm and free.
    if (coolUntil !== undefined) await store.locks.update(job.lock, (lock) => cool(lock, job.deploymentId, coolUntil))
    const entries = await store.ledger(job).read()
    const loss: Loss = { attempt, ...sentence.evidence, because, at: await store.workers.now(), ...writesOfAttempt(entries, attempt) }
    const applied = await store.jobs.apply(
      job,
      action === 'requeue' ? { type: 'requeue', attempt } : { type: 'end', attempt, end: endOf({ ...sentence, because }, entries.length) },
      { loss },
    )
    if (!applied.ok) return
    await store.audit.append(lostEntry(job, loss))
    log({ level: 'warn', msg: 'an attempt was lost', deployment: job.deploymentId, job: job.jobId, ...loss, action })
    if (applied.job.status !== 'admitted') return
    const events = store.events(job.deploymentId)
    events.emit({ type: 'notice', at: Date.now(), jobId: job.jobId, level: 'warn', message: `${because}: attempt ${attempt + 1} begins` })
    // The scheduler sees to one that has not.
    if (await holdsLock(store, job)) await queue.enqueue(job.pool, itemOf(applied.job))
    await events.flush()
  }

  /** Somebody wants its end, or its time is over: then it waits for no worker. */
  const isToEnd = ({ cancelRequested, endBy = Number.POSITIVE_INFINITY }: Job, now: number): boolean => cancelRequested || now >= endBy

  /** A new attempt begins only after the one before is fenced. */
  const deal = async (sentence: Sentence, hasWorker: boolean, now: number): Promise<void> => {
    const fenced = await fencing.ask(sentence.job, hasWorker, isToEnd(sentence.job, now))
    if (fenced !== undefined) await carryOut(fenced, sentence)
  }
  const hasWorker = (workers: readonly SeenWorker[], pool: string, now: number): boolean =>
    workers.some((worker) => worker.pool === pool && now - worker.seenAt < limits.deadAfterMs)

  /** The claims of those whose workers are silent, by the clock that they were noted with: on a cluster it is another one's. */
  const withClaims = async (held: readonly HeldJob[], workers: readonly SeenWorker[], now: number, since: number): Promise<HeldJob[]> => {
    const silent = new Set(judge(held, workers, now, since, { ...limits, claimMs: Number.NEGATIVE_INFINITY }).map(({ job }) => job.jobId))
    return Promise.all(
      held.map(async (entry) => {
        const age = silent.has(entry.job.jobId) ? await store.claims.age(entry.job) : undefined
        return age === undefined ? entry : { ...entry, renewedAt: now - age }
      }),
    )
  }

  const lookOnce = async (): Promise<void> => {
    const now = await store.workers.now()
    const since = answered(now)
    const workers = await store.workers.list()
    const noted = noteUnlisted(await heldJobs(), workers, unlisted, now)
    unlisted = noted.unlisted
    answeredAt = performance.now()
    for (const sentence of judge(await withClaims(noted.held, workers, now, since), workers, now, since, limits)) {
      // What cannot be done for one attempt is tried again at the next look, and is nothing to the others.
      await deal(sentence, hasWorker(workers, sentence.job.pool, now), now).catch((error: Error) =>
        log({ level: 'warn', msg: 'a lost attempt is not dealt with', error: error.message }),
      )
    }
    answeredAt = performance.now()
  }
  const run = async (): Promise<void> => {
    let isWell = true
    while (!signal.aborted) {
      await lookOnce().then(
        () => {
          isWell = true
        },
        (error: Error) => {
          answeredSince = undefined
          if (isWell) log({ level: 'warn', msg: 'the watchdog cannot look', error: error.message })
          isWell = false
        },
      )
      await sleep(limits.lookMs, undefined, { signal }).catch(() => {})
    }
  }
  return { stopped: run() }
}
