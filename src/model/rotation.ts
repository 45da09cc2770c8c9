import type { SealedRecord } from './credential.ts'
import type { ErrorCode } from './errors.ts'
import { TelpherError } from './errors.ts'
import type { AccountMode, AccountSummary, Target } from './target.ts'
import type { AccountUses } from './use.ts'

/**
 * How one credential of an account takes the place of another. Nothing of a rotation is known but by its journal, so that whoever finds it
 * goes on from there:
 * `intent`: the next version has a number, and may have left something in the cluster; `minted`: there is a Secret for it, and a token that
 * nobody has may be bound to it; `sealed`: the credential is stored; `verified`: it works by itself; `draining`: it is the one that is used,
 * and the one before still works; `revoked`: the one before is to be dead; `confirmed`: it was seen to be refused.
 */
export const rotationStates = ['stable', 'intent', 'minted', 'sealed', 'verified', 'draining', 'revoked', 'confirmed'] as const
export type RotationState = (typeof rotationStates)[number]

/** A version that must not work, and was not yet seen to be refused. */
export interface Unconfirmed {
  readonly version: number
  /** ms since the epoch; after it no server takes it. */
  readonly expiresAt?: number
  /** Since when it should be dead. */
  readonly since: number
}

/** What went wrong last. */
export interface RotationTrouble {
  readonly at: number
  readonly code: ErrorCode
  readonly sentence: string
  /** Tries in a row that failed. */
  readonly tries: number
}

/** What came of something that was asked for. */
export interface RotationAnswer {
  readonly id: string
  readonly ok: boolean
  readonly sentence: string
  readonly code?: ErrorCode
}

/** The journal of an account; times in ms since the epoch by the clock of Redis. */
export interface Rotation {
  readonly state: RotationState
  /** The version that is used. */
  readonly version: number
  /** The highest number that was ever given to a version. */
  readonly last: number
  /** When the state was entered. */
  readonly since: number
  /** Of the rotation that goes on. */
  readonly id?: string
  /** The version that is being made; only before the switch. */
  readonly next?: number
  /** Where the next version comes from: minted by the one before, or given by a person. */
  readonly source?: 'minted' | 'given'
  /** The Secret that the next version is bound to, by its uid at the API server. */
  readonly uid?: string
  /** The version that was used before; only after the switch. */
  readonly previous?: number
  /** Whether the one before goes at once: it may be in wrong hands. */
  readonly hurry?: boolean
  readonly rotatedAt?: number
  /** When the version that is used was last proven to work by itself. */
  readonly provenAt?: number
  /** Versions besides the used one whose sealed records are kept. */
  readonly kept: readonly number[]
  readonly unconfirmed: readonly Unconfirmed[]
  readonly trouble?: RotationTrouble
  readonly answer?: RotationAnswer
}

export type RotationEvent =
  | { readonly type: 'begin'; readonly id: string; readonly source: 'minted' | 'given'; readonly hurry: boolean }
  | { readonly type: 'made'; readonly uid: string }
  /** What was minted is in nobody's hands, and its Secret is gone. */
  | { readonly type: 'lost' }
  | { readonly type: 'sealed' }
  | { readonly type: 'verified' }
  | { readonly type: 'switched' }
  | { readonly type: 'revoke'; readonly expiresAt?: number }
  | { readonly type: 'dead'; readonly version: number }
  | { readonly type: 'closed' }
  /** The next version cannot be had or does not work: the used one stays. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly sentence: string; readonly expiresAt?: number }
  | { readonly type: 'rolledBack'; readonly expiresAt?: number }

/** Which states each event may find. */
const allowedFrom: Readonly<Record<RotationEvent['type'], readonly RotationState[]>> = {
  begin: ['stable', 'revoked'],
  made: ['intent'],
  lost: ['minted'],
  sealed: ['intent', 'minted'],
  verified: ['sealed'],
  switched: ['verified'],
  revoke: ['draining'],
  dead: rotationStates,
  closed: ['confirmed'],
  failed: ['intent', 'minted', 'sealed', 'verified'],
  rolledBack: ['draining'],
}

/** An account that was never rotated. */
export const newRotation = (version: number, now: number): Rotation => ({
  state: 'stable',
  version,
  last: version,
  since: now,
  kept: [],
  unconfirmed: [],
})

const without = (versions: readonly number[], version: number): number[] => versions.filter((one) => one !== version)

const unconfirmedOf = (version: number, expiresAt: number | undefined, now: number): Unconfirmed => ({
  version,
  since: now,
  ...(expiresAt === undefined ? {} : { expiresAt }),
})

/** What belongs to one rotation alone. */
const settled = ({ id: _, next: __, source: ___, uid: ____, previous: _____, hurry: ______, ...rest }: Rotation): Rotation => rest

/** The version before, after it was to be dead and was not seen to be: it stays on the list while another rotation goes on. */
const withPrevious = ({ previous, unconfirmed }: Rotation, now: number): readonly Unconfirmed[] =>
  previous === undefined || unconfirmed.some(({ version }) => version === previous)
    ? unconfirmed
    : [...unconfirmed, unconfirmedOf(previous, undefined, now)]

/**
 * The one rule by which the journal of an account changes; applied by compare-and-set in the store.
 * @param now ms since the epoch, by the clock of Redis
 * @throws TelpherError internal when the state does not allow the event
 */
export const rotate = (rotation: Rotation, event: RotationEvent, now: number): Rotation => {
  if (!allowedFrom[event.type].includes(rotation.state))
    throw new TelpherError('internal', `a rotation that is ${rotation.state} cannot be ${event.type}`)
  const { version, last, kept, unconfirmed } = rotation
  const next = rotation.next ?? last
  const at = (state: RotationState, changes: Partial<Rotation> = {}): Rotation => ({ ...rotation, state, since: now, ...changes })
  switch (event.type) {
    case 'begin':
      return {
        ...settled(rotation),
        state: 'intent',
        since: now,
        id: event.id,
        next: last + 1,
        last: last + 1,
        source: event.source,
        unconfirmed: withPrevious(rotation, now),
        ...(event.hurry ? { hurry: true } : {}),
      }
    case 'made':
      return at('minted', { uid: event.uid })
    case 'lost': {
      const { uid: _, ...rest } = rotation
      return { ...rest, state: 'intent', since: now }
    }
    case 'sealed':
      return at('sealed', { kept: [...without(kept, next), next] })
    case 'verified':
      return at('verified', { provenAt: now })
    case 'switched': {
      const { trouble: _, next: __, ...rest } = rotation
      return {
        ...rest,
        state: 'draining',
        since: now,
        version: next,
        previous: version,
        rotatedAt: now,
        kept: [...without(without(kept, next), version), version],
      }
    }
    case 'revoke':
      return at('revoked', { unconfirmed: [...unconfirmed, unconfirmedOf(rotation.previous ?? version, event.expiresAt, now)] })
    case 'dead': {
      const left = { kept: without(kept, event.version), unconfirmed: unconfirmed.filter((one) => one.version !== event.version) }
      return rotation.state === 'revoked' && event.version === rotation.previous ? at('confirmed', left) : { ...rotation, ...left }
    }
    case 'closed':
      return { ...settled(rotation), state: 'stable', since: now }
    case 'failed': {
      const { code, sentence } = event
      const isKept = kept.includes(next)
      return {
        ...settled(rotation),
        state: 'stable',
        since: now,
        unconfirmed: isKept ? [...unconfirmed, unconfirmedOf(next, event.expiresAt, now)] : unconfirmed,
        trouble: { at: now, code, sentence, tries: (rotation.trouble?.tries ?? 0) + 1 },
      }
    }
    case 'rolledBack': {
      const back = rotation.previous ?? version
      return {
        ...settled(rotation),
        state: 'stable',
        since: now,
        version: back,
        kept: [...without(without(kept, back), version), version],
        unconfirmed: [...unconfirmed, unconfirmedOf(version, event.expiresAt, now)],
      }
    }
  }
}

/** What a person asks of an account. */
export type RotationWish =
  | { readonly id: string; readonly kind: 'rotate' | 'revoke' | 'rollback' }
  /** Put this credential in the place of the one that is used. */
  | { readonly id: string; readonly kind: 'replace'; readonly sealed: SealedRecord }

/** How grave something is: an `alarm` needs somebody now. */
export interface AccountAlarm {
  readonly level: 'warn' | 'alarm'
  readonly sentence: string
  /** The command that mends it. */
  readonly fix: string
}

/** What is known of the account of a target; nothing in it is secret. */
export interface AccountState {
  readonly target: string
  readonly mode: AccountMode
  readonly fingerprint: string
  readonly version: number
  readonly state: RotationState
  readonly since?: number
  readonly issuedAt?: number
  readonly expiresAt?: number
  /** Other versions whose records are kept, and whether they are still to be seen dead. */
  readonly versions: readonly {
    readonly version: number
    readonly is: 'used' | 'next' | 'previous' | 'revoked'
    readonly expiresAt?: number
  }[]
  readonly rotatedAt?: number
  readonly provenAt?: number
  /** Its last use that proved it, by deployments and by servers; what only tries it is none. */
  readonly used: AccountUses
  /** When the next rotation begins by itself; absent for never. */
  readonly nextAt?: number
  readonly answer?: RotationAnswer
  readonly alarms: readonly AccountAlarm[]
}

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
  /** @throws TelpherError unknown_target */
  ask(target: string, wish: RotationWish): Promise<void>
  /** The journal of an account; undefined before it was first looked at. */
  read(target: Target): Promise<{ readonly rotation: Rotation; readonly wish?: RotationWish } | undefined>
}
