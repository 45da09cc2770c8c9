import { defaultScaling, type Pool } from '../model/pool.ts'
import type { Load, Scale, ScaleState } from '../model/scale.ts'
import type { SeenWorker } from '../model/worker.ts'
import { explain } from './explain.ts'
import { cooled, wantedOf } from './formula.ts'

/** Bounds of a pool of which nothing is said: whoever asks, such as an autoscaler of Kubernetes, has bounds of their own. */
const unbounded = { ...defaultScaling, max: 1000, coolDownSeconds: 0 }
/** Of a pool that has no worker and says nothing: the default of a worker (docs/reference/configuration.md). */
const usualConcurrency = 4

/**
 * What a pool has to do.
 * @param workers of the pool, those that are heard
 * @param waiting jobs for which no worker has been found
 */
export const loadOf = (pool: Pool, workers: readonly SeenWorker[], waiting: number): Load => {
  const taking = workers.filter(({ state }) => state !== 'draining')
  const most = Math.max(0, ...taking.map(({ concurrency }) => concurrency))
  return {
    waiting: pool.state === 'paused' ? 0 : waiting,
    running: taking.reduce((sum, { attempts }) => sum + attempts.length, 0),
    busy: taking.filter(({ attempts }) => attempts.length > 0).length,
    workers: taking.length,
    concurrency: pool.concurrency ?? (most === 0 ? usualConcurrency : most),
  }
}

/**
 * How many workers a pool should have now, and why.
 * @param remembered what was asked for before
 * @param now ms since the epoch, by the clock of Redis
 * @returns and what to remember
 */
export const scaleOf = (pool: Pool, load: Load, remembered: ScaleState | undefined, now: number): { scale: Scale; state: ScaleState } => {
  const managed = pool.scaling !== undefined || pool.replicas !== undefined
  const scaling = pool.scaling ?? unbounded
  const fixed = pool.replicas !== undefined
  const wanted = wantedOf(fixed ? { replicas: pool.replicas } : { scaling }, load, now) ?? {
    forWork: 0,
    reserve: 0,
    wanted: 0,
    bounds: scaling,
  }
  const coolDownSeconds = fixed ? 0 : scaling.coolDownSeconds
  const state = cooled(managed ? remembered : undefined, wanted.wanted, coolDownSeconds, now)
  const because = explain(load, wanted, state, { fixed, coolDownSeconds, now })
  return { scale: { pool: pool.name, ...load, ...wanted, desired: state.desired, managed, because }, state }
}
