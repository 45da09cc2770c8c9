import { phaseLimit, spoken } from '../model/deadlines.ts'
import type { Job } from '../model/deployment.ts'

/** The phases that are timed while an attempt is at work. */
type TimedPhase = 'image' | 'start' | 'run' | 'verify'

/** The times that an attempt has: each phase its own, and the whole. */
export interface Timers {
  /** @returns when the first of those that hold now is over, in ms by the monotonic clock */
  until(): number
  /** What is over then, such as `the run deadline of 30 s`. */
  words(): string
  begin(phase: TimedPhase): void
  end(phase: TimedPhase): void
  /** The caller sees to them itself from now on. */
  hand(): void
  stop(): void
}

interface Limit {
  readonly at: number
  readonly words: string
}

/** By the monotonic clock: a machine's time of day may be set while a step is at work, and nothing has happened then. */
const now = (): number => performance.now()

/** @param onOver called once with what is over */
export const createTimers = ({ step, endBy }: Pick<Job, 'step' | 'endBy'>, onOver: (words: string) => void): Timers => {
  const limits = new Map<string, Limit>()
  let timer: NodeJS.Timeout | undefined
  let isHanded = false

  const first = (): Limit => [...limits.values()].reduce((a, b) => (b.at < a.at ? b : a))
  const set = (): void => {
    clearTimeout(timer)
    if (isHanded) return
    const { at, words } = first()
    // The longest that a timer takes; the whole of a step is shorter.
    timer = setTimeout(() => onOver(words), Math.min(Math.max(0, at - now()), 2 ** 31 - 1))
  }
  limits.set('step', { at: now() + step.deadlineSeconds * 1000, words: `the deadline of ${spoken(step.deadlineSeconds)}` })
  if (endBy !== undefined) limits.set('deployment', { at: now() + endBy - Date.now(), words: 'the deadline of the deployment' })
  set()
  return {
    until: () => first().at,
    words: () => first().words,
    begin(phase) {
      const limit = phaseLimit({ deadlines: step.deadlines }, phase)
      if (limit === undefined) return
      limits.set(phase, { at: now() + limit * 1000, words: `the ${phase} deadline of ${spoken(limit)}` })
      set()
    },
    end(phase) {
      if (limits.delete(phase)) set()
    },
    hand() {
      isHanded = true
      clearTimeout(timer)
    },
    stop: () => clearTimeout(timer),
  }
}
