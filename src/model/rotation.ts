import type { AuditEntry } from './audit.ts'
import type { ErrorCode } from './errors.ts'
import { TelpherError } from './errors.ts'

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
  /** Nobody asked for it: it was due. */
  readonly isDue?: boolean
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
  /** What is not known to be in the record of who did what. */
  readonly untold?: readonly AuditEntry[]
}

export type RotationEvent =
  | { readonly type: 'begin'; readonly id: string; readonly source: 'minted' | 'given'; readonly hurry: boolean; readonly isDue?: boolean }
  | { readonly type: 'made'; readonly uid: string }
  /** What was minted is in nobody's hands, and its Secret is gone. */
  | { readonly type: 'lost' }
  | { readonly type: 'sealed' }
  | { readonly type: 'verified' }
  | { readonly type: 'switched' }
  /** The one before cannot be revoked yet. */
  | { readonly type: 'waits'; readonly code: ErrorCode; readonly sentence: string }
  /** @param rests what the durability of the new one rests on, in words */
  | { readonly type: 'revoke'; readonly expiresAt?: number; readonly rests?: string }
  | { readonly type: 'dead'; readonly version: number }
  | { readonly type: 'closed' }
  /** The next version cannot be had or does not work: the used one stays. */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly sentence: string; readonly expiresAt?: number }
  /** @param why absent when a person asked for it */
  | { readonly type: 'rolledBack'; readonly expiresAt?: number; readonly why?: { readonly code: ErrorCode; readonly sentence: string } }

/** Which states each event may find. */
const allowedFrom: Readonly<Record<RotationEvent['type'], readonly RotationState[]>> = {
  begin: ['stable', 'revoked'],
  made: ['intent'],
  lost: ['minted'],
  sealed: ['intent', 'minted'],
  verified: ['sealed'],
  switched: ['verified'],
  waits: ['draining'],
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

const troubleOf = (
  { trouble }: Rotation,
  { code, sentence }: { readonly code: ErrorCode; readonly sentence: string },
  now: number,
): RotationTrouble => ({ at: now, code, sentence, tries: (trouble?.tries ?? 0) + 1 })

/** What belongs to one rotation alone. */
const settled = ({
  id: _,
  next: __,
  source: ___,
  uid: ____,
  previous: _____,
  hurry: ______,
  isDue: _______,
  ...rest
}: Rotation): Rotation => rest

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
        ...(event.isDue === true ? { isDue: true } : {}),
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
      const { next: _, ...rest } = rotation
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
    case 'waits':
      return { ...rotation, trouble: troubleOf(rotation, event, now) }
    case 'revoke': {
      // It has held: what was wrong before it is over.
      const { trouble: _, ...rest } = rotation
      const dying = unconfirmedOf(rotation.previous ?? version, event.expiresAt, now)
      return { ...rest, state: 'revoked', since: now, unconfirmed: [...unconfirmed, dying] }
    }
    case 'dead': {
      const left = { kept: without(kept, event.version), unconfirmed: unconfirmed.filter((one) => one.version !== event.version) }
      return rotation.state === 'revoked' && event.version === rotation.previous ? at('confirmed', left) : { ...rotation, ...left }
    }
    case 'closed':
      return { ...settled(rotation), state: 'stable', since: now }
    case 'failed': {
      const isKept = kept.includes(next)
      return {
        ...settled(rotation),
        state: 'stable',
        since: now,
        unconfirmed: isKept ? [...unconfirmed, unconfirmedOf(next, event.expiresAt, now)] : unconfirmed,
        trouble: troubleOf(rotation, event, now),
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
        ...(event.why === undefined ? {} : { trouble: troubleOf(rotation, event.why, now) }),
      }
    }
  }
}
