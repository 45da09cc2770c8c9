import { readCron } from '../model/cron.ts'
import type { Bounds, Pool, Scaling } from '../model/pool.ts'
import type { Load, ScaleState, Wanted } from '../model/scale.ts'

/** The bounds that hold now. @param at ms since the epoch */
export const boundsAt = ({ schedules, coolDownSeconds: _, ...bounds }: Scaling, at: number): { bounds: Bounds; schedule?: string } => {
  const current = schedules.findLast(({ cron, timeZone }) => {
    const read = readCron(cron, timeZone)
    return typeof read !== 'string' && read.matches(at)
  })
  if (current === undefined) return { bounds }
  const { cron, timeZone, ...changed } = current
  const given = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined))
  return { bounds: { ...bounds, ...given }, schedule: `${cron} (${timeZone})` }
}

/**
 * How many workers a pool should have. The reserve grows with the busy ones, so that a pool under load is ahead of it (the formula of
 * GitLab Runner's autoscaler: min(max(idle_count, scale_factor × in use), scale_factor_limit)); work that waits is counted as well as
 * what runs, since a queue's length alone lets busy workers go.
 * @param at ms since the epoch, for the schedules
 */
export const wantedOf = ({ scaling, replicas }: Pick<Pool, 'scaling' | 'replicas'>, load: Load, at: number): Wanted | undefined => {
  if (replicas !== undefined) {
    const bounds: Bounds = { min: replicas, max: replicas, idle: 0, factor: 0, idleLimit: 0 }
    return { forWork: load.busy, reserve: 0, wanted: Math.max(replicas, load.busy), bounds }
  }
  if (scaling === undefined) return undefined
  const { bounds, schedule } = boundsAt(scaling, at)
  const forWork = Math.max(load.busy, Math.ceil((load.running + load.waiting) / Math.max(1, load.concurrency)))
  const reserve = Math.min(Math.max(bounds.idle, Math.ceil(bounds.factor * load.busy)), bounds.idleLimit)
  const bounded = Math.min(Math.max(forWork + reserve, bounds.min), Math.max(bounds.min, bounds.max))
  return { forWork, reserve, wanted: Math.max(bounded, load.busy), bounds, ...(schedule === undefined ? {} : { schedule }) }
}

/**
 * What to ask for now: more at once, less only after the cool-down, and then no less than was wanted within it.
 * @param now ms since the epoch, by the clock of Redis
 */
export const cooled = (state: ScaleState | undefined, wanted: number, coolDownSeconds: number, now: number): ScaleState => {
  if (state === undefined || wanted >= state.desired) return { desired: wanted }
  const lowSince = state.lowSince ?? now
  const lowPeak = Math.max(state.lowPeak ?? 0, wanted)
  if (now - lowSince < coolDownSeconds * 1000) return { desired: state.desired, lowSince, lowPeak }
  return { desired: lowPeak, ...(lowPeak > wanted ? { lowSince: now, lowPeak: wanted } : {}) }
}
