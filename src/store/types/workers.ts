import type { AttemptRef, JobRef } from '../../model/deployment.ts'
import type { Pool } from '../../model/pool.ts'
import type { ScaleState } from '../../model/scale.ts'
import type { SeenWorker, WorkerRecord } from '../../model/worker.ts'

export interface Claims {
  /** Proves the hold of an attempt; `held` is false once it was superseded or the job has ended. */
  renew(
    ref: JobRef,
    attempt: number,
    worker: string,
  ): Promise<{ readonly held: boolean; readonly cancelRequested: boolean; readonly cancelForced: boolean }>
  /** How long ago it was last proven, in ms, by the clock that noted it: on a cluster another one's than `Workers.now`. Undefined before the first proof. */
  age(ref: JobRef): Promise<number | undefined>
  /**
   * Whether a worker may be answered about an attempt.
   * @param isHeld whether it must hold it now
   * @returns `lost` when another one has it or it ended; `unproven` when the claim was not renewed lately; `repeated` for what was asked before
   */
  prove(attempt: AttemptRef, asking: Asking, isHeld: boolean): Promise<Proof>
}

export type Proof = 'proven' | 'lost' | 'unproven' | 'repeated'

/** Who asks for an attempt: the worker, the number of its request for this attempt, and where the request lies. */
export interface Asking {
  readonly worker: string
  readonly number: number
  readonly entry: string
}

export interface Workers {
  /** @returns whether somebody asked it to drain */
  beat(record: WorkerRecord): Promise<{ readonly drainAsked: boolean }>
  /** Asks a worker to end when what it runs has ended: it hears it with its next beat. @returns whether it is there */
  askDrain(id: string): Promise<boolean>
  list(): Promise<SeenWorker[]>
  remove(id: string): Promise<void>
  /** The clock of heartbeats: TIME of the master that has them, in ms since the epoch. */
  now(): Promise<number>
}

/** What was said of pools, and what their scaler remembers. */
export interface Pools {
  /** @throws TelpherError pool_exists */
  create(pool: Pool): Promise<void>
  /** A pool of which nothing was said is as implicitPool says. */
  get(name: string): Promise<Pool>
  /** Those of which something was said, by name. */
  list(): Promise<Pool[]>
  /** Compare-and-set, tried again on conflict. @param change pure; what it throws ends the work */
  change(name: string, change: (pool: Pool) => Pool): Promise<Pool>
  /** @throws TelpherError unknown_pool */
  remove(name: string): Promise<void>
  /** Compare-and-set on what the scaler remembers. @param change pure; undefined forgets it */
  scaleState(name: string, change: (state: ScaleState | undefined) => ScaleState | undefined): Promise<ScaleState | undefined>
  readScaleState(name: string): Promise<ScaleState | undefined>
  /** Whether this server is to scale the pools for the next `forMs`; one of several is told so until it stops asking. */
  scalerTurn(server: string, forMs: number): Promise<boolean>
}
