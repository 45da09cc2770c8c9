import { z } from 'zod'
import type { CheckLine, CheckReport, CheckRung } from './check.ts'
import type { Target } from './target.ts'
import { deadAfterMs } from './worker.ts'

/** `up`: a deployment can run; `degraded`: it can, or a part of it, and something is to be mended; `down`: it cannot; `unknown`: nobody looked lately. */
export const healthStates = ['up', 'degraded', 'down', 'unknown'] as const
export type HealthState = (typeof healthStates)[number]

/** How a target was when it was last tried from its pool. */
export interface TargetHealth {
  readonly state: HealthState
  /** Since when it is so, ms since the epoch. */
  readonly since: number
  /** When it was last tried; absent when never. */
  readonly checkedAt?: number | undefined
  /** What was found, as one sentence for people. */
  readonly sentence: string
  /** What to do about it. */
  readonly fix?: string | undefined
}

export const healthSchema: z.ZodType<TargetHealth> = z.object({
  state: z.enum(healthStates),
  since: z.number(),
  checkedAt: z.number().optional(),
  sentence: z.string(),
  fix: z.string().optional(),
})

/** A target as it is shown. */
export type ShownTarget = Target & { readonly health?: TargetHealth | undefined }

/** What is remembered of the checks of one target. */
export interface HealthRecord {
  /** When the target was added: another one of the same name begins anew. */
  readonly of: number
  readonly health?: TargetHealth
  /** When a check was last asked for, and when the next one is due. */
  readonly askedAt: number
  readonly dueAt: number
  /** The check that was asked for and whose report is not there yet. */
  readonly open?: string
}

/** Without these nothing can be deployed at all. */
const vital: readonly CheckRung[] = ['worker', 'dns', 'tcp', 'tls', 'authentication']

const sentenceOf = ({ rung, subject, message }: CheckLine): string => `${rung}${subject === '' ? '' : ` ${subject}`}: ${message}`

/** What a report says of a target. */
export const healthOf = (report: CheckReport, before: TargetHealth | undefined): TargetHealth => {
  const failed = report.lines.find(({ status }) => status === 'failed')
  const worst = failed ?? report.lines.find(({ status }) => status === 'warn')
  const state = failed !== undefined && vital.includes(failed.rung) ? 'down' : worst !== undefined ? 'degraded' : 'up'
  return {
    state,
    since: before?.state === state ? before.since : report.at,
    checkedAt: report.at,
    sentence: worst === undefined ? `tried by worker ${report.worker}: a deployment can run` : sentenceOf(worst),
    ...(worst?.fix === undefined ? {} : { fix: worst.fix }),
  }
}

/** How often targets are tried, and what it may cost. */
export interface HealthSettings {
  /** Between two checks of a target, where the budget allows it. */
  readonly everyMs: number
  /** Checks that the workers of one pool are asked for in a minute, at most. */
  readonly perMinute: number
}

/** Checks that the workers of one pool are asked for in a minute, at most. */
export const checksPerMinute = 30

/** A check that nobody reported by then is asked for again. */
const openForMs = 120_000
const minuteMs = 60_000
/** What is older than so many times the time between two checks is no longer said to be so. */
const freshFor = 3

/** Between two checks of a target: what is wanted, or what the budget allows for all of the pool. */
export const intervalOf = ({ everyMs, perMinute }: HealthSettings, targetsInPool: number): number =>
  Math.max(everyMs, (targetsInPool / perMinute) * minuteMs * 1.25)

/** When a target that is tried now is tried again: a fifth earlier or later, so that many do not stay together. */
export const dueAfter = (now: number, intervalMs: number, chance: number): number => now + Math.round(intervalMs * (0.8 + 0.4 * chance))

/**
 * A target's health as it is shown: what was seen too long ago is not known any more, and what was seen of another target of its name never was.
 * @param of when the target was made
 */
export const shownHealth = (of: number, record: HealthRecord | undefined, intervalMs: number, now: number): TargetHealth => {
  const health = record?.of === of ? record.health : undefined
  if (health === undefined) return { state: 'unknown', since: of, sentence: 'not tried yet', fix: 'telpher worker list' }
  const { checkedAt = 0 } = health
  const staleAt = checkedAt + freshFor * intervalMs + openForMs
  if (now <= staleAt) return health
  return {
    state: 'unknown',
    since: staleAt,
    checkedAt,
    sentence: `not tried since ${new Date(checkedAt).toISOString()}; it was ${health.state} then`,
    fix: 'See whether a worker of its pool lives: telpher worker list',
  }
}

/**
 * Which targets are to be tried now: those whose time has come, the longest waiting first, as far as the budget of their pool goes, and only
 * where a worker lives that can: a check must start no worker, and wait for none.
 */
export const dueTargets = (
  targets: readonly Target[],
  records: ReadonlyMap<string, HealthRecord>,
  alive: ReadonlySet<string>,
  { perMinute }: HealthSettings,
  now: number,
): readonly Target[] => {
  const used = new Map<string, number>()
  const known = (target: Target): HealthRecord | undefined => {
    const record = records.get(target.name)
    return record?.of === target.createdAt ? record : undefined
  }
  for (const target of targets) {
    const record = known(target)
    if (record !== undefined && now - record.askedAt < minuteMs) used.set(target.pool, (used.get(target.pool) ?? 0) + 1)
  }
  const isDue = (target: Target): boolean => {
    const record = known(target)
    if (!alive.has(target.pool)) return false
    if (record === undefined) return true
    return record.open === undefined ? record.dueAt <= now : now - record.askedAt > openForMs
  }
  const due = targets.filter(isDue).sort((a, b) => (known(a)?.dueAt ?? 0) - (known(b)?.dueAt ?? 0))
  return due.filter(({ pool }) => {
    const count = (used.get(pool) ?? 0) + 1
    used.set(pool, count)
    return count <= perMinute
  })
}

/** Pools with a worker that was heard lately. */
export const alivePools = (workers: readonly { readonly pool: string; readonly seenAt: number }[], now: number): ReadonlySet<string> =>
  new Set(workers.filter(({ seenAt }) => now - seenAt < deadAfterMs).map(({ pool }) => pool))
