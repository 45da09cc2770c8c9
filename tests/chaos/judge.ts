import type { Job } from '../../src/model/deployment.ts'
import { errorTable } from '../../src/model/errors.ts'
import { isTerminal, type JobEnd, type Result } from '../../src/model/states.ts'
import type { Load } from './plan.ts'

/** A write that the API server took, by its own audit log. */
export interface Write {
  readonly jobId: string
  readonly attempt: number
  /** ms since the epoch. */
  readonly at: number
}

/** What became of one deployment, as seen from outside. */
export interface Fact {
  readonly load: Load
  /** Undefined when no server knows it any more. */
  readonly result?: Result | 'unfinished' | undefined
  readonly jobs: readonly Pick<Job, 'jobId' | 'status' | 'end' | 'attempt'>[]
  /** Whether the cluster has what it said. */
  readonly isThere: boolean
  /** ms since the epoch. */
  readonly endedAt?: number | undefined
}

export interface Verdict {
  readonly lost: readonly string[]
  readonly doubled: readonly string[]
  readonly falseSuccess: readonly string[]
  readonly stuck: readonly string[]
}

/** The API server notes a write when it has answered: one that was let in before a fence may be noted this much after, in ms. */
const noteMs = 1000

/**
 * Jobs of which an earlier attempt wrote after a later one had begun to: what the fence is to keep from happening.
 * @returns a sentence each
 */
export const doubledWrites = (writes: readonly Write[]): string[] => {
  const found: string[] = []
  for (const [jobId, its] of Map.groupBy(writes, (write) => write.jobId)) {
    const last = Math.max(...its.map(({ attempt }) => attempt))
    for (let attempt = 2; attempt <= last; attempt++) {
      const began = Math.min(...its.filter((write) => write.attempt === attempt).map(({ at }) => at))
      const late = its.filter((write) => write.attempt < attempt && write.at > began + noteMs)
      if (late.length > 0)
        found.push(
          `${jobId}: ${late.length} writes of an attempt before ${attempt}, up to ${Math.max(...late.map(({ at }) => at)) - began} ms after it began`,
        )
    }
  }
  return found
}

const named = ({ load, jobs }: Fact): string =>
  `${load}: ${jobs.map(({ status, end }) => `${status} (${end?.code ?? ''} ${end?.sentence ?? ''})`).join(', ')}`

/** An honest word about the target, by whose fault its code is. */
const blamesTarget = (end: JobEnd | undefined): boolean => end?.code !== undefined && errorTable[end.code][1] === 'target'

/** A good deployment that did not end well, and of which no end blames the target. */
const isWithoutReason = ({ load, result, jobs }: Fact): boolean => {
  if (load === 'broken' || result === 'success' || result === 'unfinished') return false
  const bad = jobs.filter(({ status }) => status !== 'succeeded')
  return bad.length === 0 || !bad.every(({ end }) => blamesTarget(end))
}

/** It hung until its own deadline, which is shorter than the run's patience; one that waited for the API server says so. */
const hasHung = ({ status, end }: Fact['jobs'][number]): boolean => status === 'timed_out' && !/\bAPI server\b/.test(end?.sentence ?? '')

/**
 * What was wrong in one run. All steps may be run again, and are tried again after trouble of the infrastructure, so none may end as lost,
 * none by its deadline, and a good one not by trouble of ours; an honest failure that names the target is none of these. What is broken by
 * itself must fail.
 * @param facts one a deployment
 */
export const judge = (facts: readonly Fact[], writes: readonly Write[]): Verdict => {
  const isStuck = ({ result, jobs }: Fact): boolean =>
    result === 'unfinished' || (result !== undefined && jobs.some((job) => !isTerminal(job.status) || hasHung(job)))
  const isLost = (fact: Fact): boolean =>
    fact.result === undefined || fact.jobs.some(({ status, end }) => status === 'lost' || end?.code === 'internal') || isWithoutReason(fact)
  const isFalse = ({ load, result, isThere }: Fact): boolean => result === 'success' && (load === 'broken' || !isThere)
  return {
    lost: facts.filter(isLost).map(named),
    doubled: doubledWrites(writes),
    falseSuccess: facts.filter(isFalse).map(named),
    stuck: facts.filter(isStuck).map(named),
  }
}

/** What all runs came to, as `npm run chaos -- -o json` prints it. */
export interface Report {
  readonly runs: number
  readonly lost: number
  readonly doubled: number
  readonly false_success: number
  readonly orphans: number
  readonly stuck: number
  readonly recovery_p50_s: number
  readonly recovery_max_s: number
}

/** @param recoveries seconds from the last mend of a run to the end of its last deployment */
export const reportOf = (verdicts: readonly Verdict[], orphans: number, recoveries: readonly number[]): Report => {
  const sum = (count: (verdict: Verdict) => number): number => verdicts.reduce((total, verdict) => total + count(verdict), 0)
  const sorted = [...recoveries].sort((a, b) => a - b)
  const rounded = (value: number | undefined): number => Math.round((value ?? 0) * 10) / 10
  return {
    runs: verdicts.length,
    lost: sum(({ lost }) => lost.length),
    doubled: sum(({ doubled }) => doubled.length),
    false_success: sum(({ falseSuccess }) => falseSuccess.length),
    orphans,
    stuck: sum(({ stuck }) => stuck.length),
    recovery_p50_s: rounded(sorted[Math.floor((sorted.length - 1) / 2)]),
    recovery_max_s: rounded(sorted.at(-1)),
  }
}
