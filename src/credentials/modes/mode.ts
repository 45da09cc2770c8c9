import type { Credential } from '../../model/credential.ts'
import type { AttemptRef } from '../../model/deployment.ts'
import type { AccountMode } from '../../model/target.ts'

/** Who the API server says a credential is. */
export interface Identity {
  readonly username: string
  /** The id of the token (JTI) as the API server's audit log shows it; from Kubernetes 1.32. */
  readonly credentialId?: string
}

/** What the credentials of an attempt are bound to, kept by whoever mints for it: another server renews, or takes over. */
export interface Binding {
  /** As it was noted; undefined when nothing was made yet. */
  readonly uid: string | undefined
  /** Resolves when it is noted. */
  note(uid: string): Promise<void>
}

/** One way to get credentials for attempts from an account. */
export interface Mode {
  readonly name: AccountMode
  /** Whether `revoke` ends what was minted before its expiry. */
  readonly revocable: boolean
  /** Whether minting again for the same attempt gives a credential that lives longer. */
  readonly renewable: boolean
  /**
   * A credential for one attempt; asked again for the same attempt, one that takes the place of the first.
   * @param lifetimeMs how long it should live; its `expiresAt` says what was granted, by this machine's clock
   * @param binding where several mint for an attempt; one process alone remembers it
   * @throws TelpherError grant_revoked when the attempt was revoked meanwhile; mint_refused, in_cluster, target_*
   */
  mint(attempt: AttemptRef, lifetimeMs: number, binding?: Binding): Promise<Credential>
  /** Ends everything minted for an attempt; what is gone already is fine. @throws TelpherError mint_refused, target_* */
  revoke(attempt: AttemptRef): Promise<void>
  /**
   * What was minted and still lives, of this installation.
   * @returns attempts, each with how long ago it was minted, in ms, by the API server's clock
   */
  outstanding(): Promise<readonly { readonly attempt: AttemptRef; readonly ageMs: number }[]>
  /** Mints once, asks the API server who that is with it alone, and revokes it. @throws TelpherError mint_refused, target_* */
  verify(): Promise<Identity>
}
