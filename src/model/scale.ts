import type { Bounds, Pool } from './pool.ts'

/** What a pool has to do, and with what. */
export interface Load {
  /** Jobs that wait for a worker: in the queue, or before it because the pool is full. */
  readonly waiting: number
  /** Jobs that workers run. */
  readonly running: number
  /** Workers that run at least one job. */
  readonly busy: number
  /** Workers that are heard and are not draining. */
  readonly workers: number
  /** Jobs that one worker runs at a time. */
  readonly concurrency: number
}

/** How a number of workers came about, step by step. */
export interface Wanted {
  /** For what runs and what waits. */
  readonly forWork: number
  /** Kept idle besides. */
  readonly reserve: number
  /** After the bounds, never below the busy ones; what a cool-down adds is not in it. */
  readonly wanted: number
  readonly bounds: Bounds
  /** The schedule that holds. */
  readonly schedule?: string | undefined
}

/** What a scaler remembers of a pool between two looks. */
export interface ScaleState {
  /** What it asked for last. */
  readonly desired: number
  /** Since when less was wanted, ms since the epoch by the clock of Redis. */
  readonly lowSince?: number | undefined
  /** The most that was wanted since then. */
  readonly lowPeak?: number | undefined
}

/** How many workers a pool should have now, and why. */
export interface Scale extends Load, Wanted {
  readonly pool: string
  /** What the scaler asks for: what is wanted, or more while the cool-down lasts. */
  readonly desired: number
  /** Whether the pool says how it is to be scaled; else the bounds are those of whoever asks. */
  readonly managed: boolean
  /** The steps of it, a sentence each. */
  readonly because: readonly string[]
}

/** A pool as it is shown. */
export interface PoolView extends Pool {
  /** Whether something was said of it; else it is there because targets or workers name it. */
  readonly said: boolean
  readonly targets: number
  readonly draining: number
  /** Jobs that its workers run at a time. */
  readonly slots: number
  /** How many workers are in each state; those that are offline are forgotten an hour after they were last heard. */
  readonly workers: Readonly<Record<'available' | 'busy' | 'draining' | 'offline', number>>
  /** How long the job has waited that waits longest for a worker; absent when none does. */
  readonly oldestWaitSeconds?: number
  readonly scale: Scale
}
