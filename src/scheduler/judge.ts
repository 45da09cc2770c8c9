import type { Job, JobRef } from '../model/deployment.ts'
import type { Loss } from '../model/loss.ts'
import { isActive, type JobEnd } from '../model/states.ts'
import { rerunnable } from '../model/step.ts'
import type { SeenWorker } from '../model/worker.ts'

/** The times by which a silent worker is judged, in ms, and how often a job may be started, what its step asks to be tried again apart. */
export interface JudgeLimits {
  readonly deadAfterMs: number
  readonly claimMs: number
  readonly writeLimitMs: number
  readonly maxStarts: number
}

/** A job that a worker holds, as our state says. Times by the clock of Redis. */
export interface HeldJob {
  readonly job: Job
  /** When its claim was last proven. */
  readonly renewedAt: number
  /** Since when its worker's word does not list it, or there is no word; undefined while it does. */
  readonly unlistedSince?: number
}

/** What the words of its worker and its claim say of a lost attempt. */
type Evidence = Pick<Loss, 'worker' | 'name' | 'heardAt' | 'renewedAt' | 'openWrites'>

/** What is to become of a lost attempt. */
export interface Sentence {
  readonly job: Job
  readonly action: 'requeue' | 'start-cap' | 'lost'
  /** Why it counts as lost. */
  readonly because: string
  readonly evidence: Evidence
  /** Until when a write of it may still be open at the API server. */
  readonly coolUntil?: number
}

const isListed = (worker: SeenWorker | undefined, { jobId, attempt }: JobRef & { attempt: number }): boolean =>
  worker?.attempts.some((held) => held.jobId === jobId && held.attempt === attempt) ?? false

/** The jobs that workers hold, each with since when its worker does not say so. */
export const noteUnlisted = (
  jobs: readonly { readonly job: Job; readonly renewedAt: number }[],
  workers: readonly SeenWorker[],
  known: ReadonlyMap<string, number>,
  now: number,
): { readonly held: HeldJob[]; readonly unlisted: Map<string, number> } => {
  const byId = new Map(workers.map((worker) => [worker.id, worker]))
  const unlisted = new Map<string, number>()
  const held = jobs
    .filter(({ job }) => isActive(job.status))
    .map(({ job, renewedAt }): HeldJob => {
      if (isListed(byId.get(job.worker ?? ''), job)) return { job, renewedAt }
      const key = `${job.jobId}:${job.attempt}`
      const since = known.get(key) ?? now
      unlisted.set(key, since)
      return { job, renewedAt, unlistedSince: since }
    })
  return { held, unlisted }
}

/** Why an attempt counts as lost, if it does. */
const lossOf = ({ job, unlistedSince }: HeldJob, worker: SeenWorker | undefined, now: number, since: number, limit: number) => {
  const name = worker?.name ?? job.worker ?? 'unknown'
  if (worker !== undefined && now - Math.max(worker.seenAt, since) >= limit) return `worker ${name} is no longer heard`
  if (unlistedSince === undefined || now - Math.max(unlistedSince, since) < limit) return undefined
  return worker === undefined ? `worker ${name} is gone` : `worker ${name} no longer holds it`
}

const saidOf = ({ jobId, attempt }: Job, worker: SeenWorker | undefined) =>
  worker?.attempts.find((held) => held.jobId === jobId && held.attempt === attempt)

const evidenceOf = ({ job, renewedAt }: HeldJob, worker: SeenWorker | undefined): Evidence => {
  const said = saidOf(job, worker)
  return {
    worker: job.worker ?? 'unknown',
    renewedAt,
    ...(worker === undefined ? {} : { name: worker.name, heardAt: worker.seenAt }),
    ...(said === undefined ? {} : { openWrites: said.openWrites }),
  }
}

/**
 * An attempt whose last heartbeat said so has no open write. Nor has one that no heartbeat spoke of before its program began: until then
 * a worker writes at most that a dead owner's Helm revision has failed, with the version that it read, so that late it changes nothing.
 * Of any other we cannot know.
 */
const coolOf = ({ job, renewedAt }: HeldJob, worker: SeenWorker | undefined, limits: JudgeLimits): number | undefined => {
  const said = saidOf(job, worker)
  if (said?.openWrites === 0 || (said === undefined && job.status === 'preparing')) return undefined
  return Math.max(worker !== undefined && said !== undefined ? worker.seenAt : 0, renewedAt + limits.claimMs) + limits.writeLimitMs
}

/**
 * Which attempts are lost and fenced (DESIGN section 8): their worker was silent for long although Redis answered all
 * along, and their claim has run out, so that their gate forwards nothing more.
 * @param now the clock of Redis, ms since the epoch
 * @param answeredSince since when Redis answered every time; an outage is nobody's death
 */
export const judge = (
  held: readonly HeldJob[],
  workers: readonly SeenWorker[],
  now: number,
  answeredSince: number,
  limits: JudgeLimits,
): Sentence[] => {
  const byId = new Map(workers.map((worker) => [worker.id, worker]))
  return held.flatMap((entry): Sentence[] => {
    const { job, renewedAt } = entry
    const worker = byId.get(job.worker ?? '')
    const because = lossOf(entry, worker, now, answeredSince, limits.deadAfterMs)
    if (because === undefined || now < renewedAt + limits.claimMs) return []
    const coolUntil = coolOf(entry, worker, limits)
    const action = !rerunnable[job.step.kind] ? 'lost' : job.attempt - (job.retries ?? 0) >= limits.maxStarts ? 'start-cap' : 'requeue'
    const evidence = evidenceOf(entry, worker)
    return [{ job, action, because, evidence, ...(coolUntil === undefined ? {} : { coolUntil }) }]
  })
}

const countText = (writes: number): string => `the ledger has ${writes} ${writes === 1 ? 'write' : 'writes'} of it`

/**
 * How a job ends whose attempt was lost and is not started again.
 * @param writes how many the ledger knows of, of all its attempts
 */
export const endOf = ({ job, action, because }: Pick<Sentence, 'job' | 'action' | 'because'>, writes: number): JobEnd =>
  action === 'start-cap'
    ? {
        status: 'errored',
        sentence: `${because}, and the job was started ${job.attempt} times already: it is set aside; ${countText(writes)}`,
        code: 'start_cap',
      }
    : { status: 'lost', sentence: `${because}; ${countText(writes)}`, code: 'job_lost' }
