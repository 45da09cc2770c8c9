import type { Load, ScaleState, Wanted } from '../model/scale.ts'

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const reserveLine = ({ bounds, reserve }: Wanted, { busy }: Load): string =>
  `${many(reserve, 'worker')} in reserve: min(max(${bounds.idle} idle, ${bounds.factor} × ${busy} busy), ${bounds.idleLimit})`

const boundsLine = ({ bounds: { min, max }, schedule, wanted, forWork, reserve }: Wanted): string => {
  const held = schedule === undefined ? '' : `, by the schedule ${schedule}`
  if (wanted > max) return `${wanted} in all: more than the maximum of ${max}${held}, since no busy worker is ended`
  return `${wanted} in all: ${forWork} + ${reserve}, from ${min} to ${max}${held}`
}

/**
 * How a number of workers came about, a sentence for each step.
 * @param fixed whether the pool was given a number, whatever there is to do
 * @param now ms since the epoch, by the clock of Redis
 */
export const explain = (
  load: Load,
  wanted: Wanted,
  state: ScaleState,
  options: { fixed: boolean; coolDownSeconds: number; now: number },
): string[] => {
  const { waiting, running, busy, workers, concurrency } = load
  const facts = `${many(running, 'job')} on ${many(busy, 'busy worker')} of ${workers}, ${many(waiting, 'job')} waiting; a worker takes ${concurrency} at a time`
  if (options.fixed)
    return [
      facts,
      `it was given ${wanted.bounds.max}, whatever there is to do`,
      ...(busy > wanted.bounds.max ? [`${busy} for now, since no busy worker is ended`] : []),
    ]
  const lines = [
    facts,
    `${many(wanted.forWork, 'worker')} for work: ${running} + ${waiting} jobs, ${concurrency} at a time, not below the ${busy} busy`,
    reserveLine(wanted, load),
    boundsLine(wanted),
  ]
  if (state.desired <= wanted.wanted || state.lowSince === undefined) return lines
  const left = Math.max(0, Math.ceil((state.lowSince + options.coolDownSeconds * 1000 - options.now) / 1000))
  return [...lines, `${state.desired} for now: it cools down for another ${left} s, then ${state.lowPeak ?? wanted.wanted} are asked for`]
}
