import type { Secret } from './secret.ts'

/** What authenticates a request to a target. */
export type Credential =
  | { readonly id: string; readonly kind: 'bearer'; readonly token: Secret; readonly expiresAt?: number }
  | {
      readonly id: string
      readonly kind: 'client-certificate'
      readonly certificate: string
      readonly key: Secret
      readonly expiresAt?: number
    }

/**
 * An envelope at rest: a random data key seals the plaintext, a master key (named by `kid`) seals the data key.
 * All parts are base64; the additional data is `type|id|version|kid` (AES-256-GCM, 16-byte tags).
 */
export interface SealedRecord {
  readonly type: 'account' | 'grant' | 'secret' | 'signer' | 'package'
  readonly id: string
  readonly version: number
  readonly kid: string
  readonly wrappedKey: string
  readonly ciphertext: string
}

/**
 * What sealed records are counted as. `accounts`: every version of the credentials of targets, and what was given for one; `secrets`: of
 * steps, the stored ones and those of one deployment; `attempts`: the tokens that an attempt was given; `packages`: their keys; `signers`: what servers sign with.
 */
export const sealedKinds = ['accounts', 'secrets', 'attempts', 'packages', 'signers'] as const
export type SealedKind = (typeof sealedKinds)[number]

/** How many records of each kind there are. */
export type SealedCounts = Readonly<Record<SealedKind, number>>

/** In words: `3 accounts, 1 secrets`; empty when there are none. */
export const inWords = (counts: SealedCounts): string =>
  sealedKinds
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${kind}`)
    .join(', ')

/**
 * A master key as the server knows it: the first one `seals`, others only open; a `missing` one it has not, and a `dropped` one it is to
 * have no more. With how many records are sealed with it.
 */
export interface MasterKeyUse extends SealedCounts {
  readonly kid: string
  readonly use: 'seals' | 'opens' | 'missing' | 'dropped'
}

/** What sealing anew came to. */
export interface KeysRotated {
  /** How many records were under another key and are under the first one now. */
  readonly resealed: number
  /** Ids of records that no longer open with the key that sealed them. */
  readonly damaged: readonly string[]
  readonly keys: readonly MasterKeyUse[]
}

/** A key that no server is to have any more. */
export interface KeyDropped {
  readonly kid: string
  /** ms since the epoch. */
  readonly droppedAt: number
  readonly keys: readonly MasterKeyUse[]
}
