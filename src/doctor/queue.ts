import type { SeenWorker } from '../model/worker.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { isTaking } from './workers.ts'

/** A job that has not started. */
export interface WaitingJob {
  readonly deploymentId: string
  readonly step: string
  readonly target: string
  readonly pool: string
  readonly status: 'pending' | 'admitted'
  /** Since when it waits, ms since the epoch. */
  readonly since: number
  readonly waitsFor?: string
  /** Whether its target may be worked on without isolation. */
  readonly trials: boolean
}

export interface QueueFacts {
  /** Items that wait in the queue of each pool. */
  readonly depths: Readonly<Record<string, number>>
  readonly jobs: readonly WaitingJob[]
  readonly workers: readonly SeenWorker[]
  /** The clock of Redis, ms since the epoch. */
  readonly now: number
}

/** A job that waits longer than this is told of, in ms: longer than the longest deadline of a step would be of no help. */
const longMs = 3_600_000

const start = (pool: string): string => `TELPHER_POOL=${pool} telpher worker start`

const judgeQueue = ({ depths, workers, now }: QueueFacts): Finding[] => {
  const stuck = Object.entries(depths).filter(
    ([pool, depth]) => depth > 0 && !workers.some((worker) => worker.pool === pool && isTaking(worker, now)),
  )
  const all = Object.values(depths).reduce((sum, depth) => sum + depth, 0)
  if (stuck.length === 0) return [ok('queue', all === 0 ? 'nothing waits' : `${all} waiting for busy workers`)]
  return stuck.map(([pool, depth]) => ({ ...fail('queue', `${depth} waiting, and no worker takes them`, start(pool)), subject: pool }))
}

/** Why no live worker can take a job; undefined when one can. */
const obstacle = (
  { pool, trials }: WaitingJob,
  { workers, now }: QueueFacts,
): { readonly why: string; readonly fix: string } | undefined => {
  const taking = workers.filter((worker) => worker.pool === pool && isTaking(worker, now))
  if (taking.length === 0) return { why: `no worker in pool ${pool} is alive`, fix: start(pool) }
  if (!trials && taking.every(({ executor }) => executor === 'process'))
    return {
      why: `every worker in pool ${pool} runs without isolation, and the target is not for trials`,
      fix: `TELPHER_EXECUTOR=docker ${start(pool)}`,
    }
  return undefined
}

const span = (ms: number): string => (ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`)

/** Jobs of one pool that fail alike are one line: a thousand of them are no more to read. */
const judgeStuck = (facts: QueueFacts): Finding[] => {
  const groups = Map.groupBy(
    facts.jobs.flatMap((job) => {
      const found = obstacle(job, facts)
      return found === undefined ? [] : [{ job, ...found }]
    }),
    ({ why }) => why,
  )
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return []
    const { job, why, fix } = first
    const more = others.length === 0 ? '' : `, and ${others.length} more`
    return [{ ...fail('waiting-jobs', `${job.step} → ${job.target} of ${job.deploymentId}${more}: ${why}`, fix), subject: job.pool }]
  })
}

const judgeLong = (facts: QueueFacts): Finding[] => {
  const long = facts.jobs.filter((job) => facts.now - job.since > longMs && obstacle(job, facts) === undefined)
  const [oldest] = long.toSorted((a, b) => a.since - b.since)
  if (oldest === undefined) return []
  const why = oldest.waitsFor === undefined ? '' : `: ${oldest.waitsFor}`
  const seen = `${long.length} waiting for more than an hour; ${oldest.step} → ${oldest.target} for ${span(facts.now - oldest.since)}${why}`
  return [warn('waiting-jobs', seen, `telpher status ${oldest.deploymentId}   (end what blocks it with: telpher cancel DEPLOYMENT)`)]
}

/** Checks of what waits. */
export const judgeWaiting = (facts: QueueFacts): Finding[] => {
  const waiting = [...judgeStuck(facts), ...judgeLong(facts)]
  const fine = facts.jobs.length === 0 ? 'no job waits' : `${facts.jobs.length} waiting, each for its turn`
  return [...judgeQueue(facts), ...(waiting.length === 0 ? [ok('waiting-jobs', fine)] : waiting)]
}
