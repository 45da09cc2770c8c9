import type { Log } from '../src/log.ts'
import { measureLoop } from '../src/telemetry/loop.ts'

/** An event loop that stood for so long, in ms, serves neither the gates nor the heartbeat in time: no more work, then. */
const blockedMs = 500
/** So many looks in a row without half of that, and work is taken again. */
const calmLooks = 3

/** Whether this worker is too busy with itself to take work. */
export interface Pressure {
  readonly isBlocked: boolean
  /** Looks in a row that found nothing. */
  readonly calm: number
}

export const noPressure: Pressure = { isBlocked: false, calm: 0 }

/** @param worstMs the longest that the loop stood since the look before, in ms */
export const nextPressure = ({ isBlocked, calm }: Pressure, worstMs: number): Pressure => {
  if (worstMs >= blockedMs) return { isBlocked: true, calm: 0 }
  if (!isBlocked || worstMs >= blockedMs / 2) return { isBlocked, calm: 0 }
  return calm + 1 >= calmLooks ? noPressure : { isBlocked, calm: calm + 1 }
}

interface WatchOptions {
  readonly onBlocked: () => void
  readonly onCalm: () => void
  readonly log: Pick<Log, 'warn' | 'info'>
  /** Told with each look the longest that the loop stood since the one before, in ms. */
  readonly onLook?: (worstMs: number) => void
  /** Between two looks, in ms; 1000 when absent. */
  readonly lookMs?: number
}

export interface LoopWatch {
  isBlocked(): boolean
  stop(): void
}

/** Watches the event loop of this process, and says when it stands and when it goes again. */
export const watchLoop = ({ onBlocked, onCalm, log, onLook, lookMs }: WatchOptions): LoopWatch => {
  let pressure = noPressure
  const measuring = measureLoop((seen) => {
    const worstMs = Math.max(0, Math.round(seen))
    onLook?.(worstMs)
    const before = pressure
    pressure = nextPressure(before, worstMs)
    if (pressure.isBlocked === before.isBlocked) return
    if (pressure.isBlocked) {
      log.warn({ worstMs }, 'the event loop of this worker stood: it takes no work until it goes again')
      onBlocked()
    } else {
      log.info({}, 'the event loop goes again: this worker takes work')
      onCalm()
    }
  }, lookMs)
  return {
    isBlocked: () => pressure.isBlocked,
    stop: measuring.stop,
  }
}
