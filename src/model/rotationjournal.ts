import type { SealedRecord } from './credential.ts'
import type { Rotation } from './rotation.ts'
import type { AccountSummary, Target } from './target.ts'

/** What a person asks of an account. */
export type RotationWish =
  | { readonly id: string; readonly kind: 'rotate' | 'revoke' | 'rollback' }
  /** Put this credential in the place of the one that is used. */
  | { readonly id: string; readonly kind: 'replace'; readonly sealed: SealedRecord }

/** The right to take an account further, until somebody else gets it. */
export interface RotationTurn {
  readonly target: Target
  readonly rotation: Rotation
  readonly wish?: RotationWish
  /** Grows with each turn: what comes with a lower one is refused. */
  readonly fence: number
  /** ms since the epoch by the clock of Redis, when the turn was taken or last used. */
  readonly now: number
}

/** What is written in one go. */
export interface RotationStep {
  readonly rotation: Rotation
  /** The account as the target shows it from now on. */
  readonly account?: AccountSummary
  /** A record of a version that is not the used one. */
  readonly put?: SealedRecord
  /** The version whose record is the used one from now on; the one that was used is kept under its number. */
  readonly use?: number
  /** A version whose record is of no use any more. */
  readonly drop?: number
  /** The wish that was answered. */
  readonly answered?: string
}

/** So many rotations of one cluster may be at work at a time, over all servers: each has a place, for a time. */
export interface RotationPlaces {
  /** @returns whether the holder has a place now, for `forMs` from when this was asked */
  take(clusterId: string, holder: string, forMs: number): Promise<boolean>
  /** @returns whether it is still held, for `forMs` from when this was asked */
  keep(clusterId: string, holder: string, forMs: number): Promise<boolean>
  leave(clusterId: string, holder: string): Promise<void>
}

/** Where rotations are written down: each step by compare-and-set, with the fencing number of its turn. */
export interface RotationJournal {
  /** Names of targets whose account is to be looked at now, at most so many. */
  due(most: number): Promise<readonly string[]>
  /** Sees to it that every target is looked at. */
  enrol(): Promise<void>
  /** @returns undefined while somebody else has the turn, or there is no such target */
  claim(target: string, forMs: number): Promise<RotationTurn | undefined>
  /** @returns the turn as it is now; undefined when it was lost: nothing was written */
  step(turn: RotationTurn, step: RotationStep, forMs: number): Promise<RotationTurn | undefined>
  /** @returns whether it is still held, for `forMs` from now */
  keep(turn: RotationTurn, forMs: number): Promise<boolean>
  /** @param at when the account is to be looked at again, ms since the epoch; a wish that came meanwhile is looked at at once */
  release(turn: RotationTurn, at: number): Promise<void>
  /** The sealed record of a version. @throws TelpherError sealed_record when there is none */
  sealed(turn: RotationTurn, version: number): Promise<SealedRecord>
  /**
   * Resolves when what was written so far outlives a Redis that is killed now, its machine with it where it says so.
   * @returns what it rests on, in words
   * @throws TelpherError rotation_barrier
   */
  barrier(): Promise<string>
  readonly places: RotationPlaces
  /**
   * Asks for something, in the place of what was asked for before and has not begun.
   * @throws TelpherError unknown_target; rotation_refused when that is a revocation, and this is none
   */
  ask(target: string, wish: RotationWish): Promise<void>
  /** The journal of an account; undefined before it was first looked at. */
  read(target: Target): Promise<{ readonly rotation: Rotation; readonly wish?: RotationWish } | undefined>
}
