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
  readonly type: 'account' | 'grant' | 'secret' | 'signer'
  readonly id: string
  readonly version: number
  readonly kid: string
  readonly wrappedKey: string
  readonly ciphertext: string
}

/** A master key as the server knows it: the first one `seals`, others only open; a `missing` one it has not. */
export interface MasterKeyUse {
  readonly kid: string
  readonly use: 'seals' | 'opens' | 'missing'
  /** How many accounts are sealed with it. */
  readonly accounts: number
  /** How many secrets of steps are, and the key that servers sign with. */
  readonly secrets: number
}

/** What sealing anew came to. */
export interface KeysRotated {
  /** How many accounts and secrets were under another key and are under the first one now. */
  readonly resealed: number
  /** Ids of accounts and secrets that no longer open with the key that sealed them. */
  readonly damaged: readonly string[]
  readonly keys: readonly MasterKeyUse[]
}
