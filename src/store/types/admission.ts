import type { JobRef, LockName } from '../../model/deployment.ts'

/** How a job asks to be let into a room. */
export interface RoomAsk {
  /** A lower one goes first, whatever the turns are. */
  readonly priority: number
  /** Jobs that it may have in for each one of a deployment of weight 1. */
  readonly weight: number
  /** Jobs that the room takes at a time. */
  readonly places: number
  /** Jobs of the deployment that want in, this one among them. */
  readonly waiting: number
}

/** So many jobs at a time, deployments taking turns. */
export interface Rooms {
  /**
   * Lets a job in, or has its deployment stand in the queue, for one job at a time; safe to repeat, and to be repeated every few seconds while it waits.
   * @returns whether it is in, and some other deployments for which there is a place now
   */
  enter(room: string, ref: JobRef, ask: RoomAsk): Promise<{ readonly in: boolean; readonly next: readonly string[] }>
  /**
   * @param options.queue whether it leaves the queue, too, where it stands there for its deployment; true when absent
   * @returns the deployment that can take the place
   */
  leave(room: string, ref: JobRef, options?: { readonly queue?: boolean }): Promise<string | undefined>
  /** @param now ms since the epoch, by the clock of Redis */
  look(room: string, now: number): Promise<{ readonly inside: number; readonly waiting: number; readonly deployments: number }>
}

/** Who stands at a lock; `since` is when it became ready, then when it took the lock, in ms since the epoch. */
export interface LockEntry extends JobRef {
  /** The name of its step. */
  readonly step: string
  readonly since: number
}

/** One lock: its holder, who waits in order, and until when a lost attempt's write may still be open. */
export interface LockState {
  readonly holder?: LockEntry
  readonly queue: readonly LockEntry[]
  readonly cooling?: { readonly until: number; readonly deploymentId: string }
}

export interface Locks {
  get(name: LockName): Promise<LockState>
  /**
   * Compare-and-set on one lock, tried again on conflict.
   * @param change pure; the same state back means nothing to do
   */
  update(name: LockName, change: (state: LockState) => LockState): Promise<LockState>
}

export interface FoundLock {
  readonly state: LockState
  update(change: (state: LockState) => LockState): Promise<LockState>
}

export interface FoundRoom {
  /** Those that are in it, and those that stand in its queue for their deployments. */
  readonly jobs: readonly JobRef[]
  /** From the room and from its queue. @returns the deployment that can take the place */
  leave(ref: JobRef): Promise<string | undefined>
}

/** Who holds and awaits what, found without knowing whose it is. */
export interface Holdings {
  /** Some of all locks and rooms, others each time, until all have come; then anew. */
  page(): Promise<{ readonly locks: readonly FoundLock[]; readonly rooms: readonly FoundRoom[] }>
  room(name: string): Promise<FoundRoom>
}

/** How the schedulers hear at once that a deployment needs them; their sweep finds what was missed. */
export interface Wakes {
  send(deploymentId: string): Promise<void>
  /** Ids of deployments from now on, in batches, on a connection of its own; outlives outages; ends with the signal. */
  follow(signal: AbortSignal): AsyncIterable<readonly string[]>
}
