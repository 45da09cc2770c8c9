import type { Deployment, Job, RunState } from '../model/deployment.ts'
import type { Look } from './look.ts'
import { poolRoom } from './rooms.ts'

/** What a server last saw of a deployment that has not ended. */
export interface Seen {
  readonly state: RunState
  readonly deployment: Deployment
  /** Since when the job waits that waits longest for a worker of a pool, by pool, ms since the epoch by the clock of Redis. */
  readonly waits: ReadonlyMap<string, number>
}

/** All that have not ended, as this server last saw them, at every sweep. */
export interface Overview {
  readonly active: ReadonlyMap<string, Seen>
  /** The clock of Redis, ms since the epoch. */
  now(): number
}

/** Notes that a job waits for a worker of its pool. */
export const noteWait = ({ waits }: Look, { pool }: Job, since: number): void => {
  waits.set(pool, Math.min(since, waits.get(pool) ?? since))
}

/** The same for a job that waits before the pool, where it does: it may as well wait for a lock, or for its target. */
export const noteIfPoolIsFull = (look: Look, job: Job, since: number): void => {
  if (look.full.has(poolRoom(job.pool))) noteWait(look, job, since)
}
