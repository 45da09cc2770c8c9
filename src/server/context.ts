import type { OpenAPIHono } from '@hono/zod-openapi'
import type { PlainCredential } from '../credentials/account.ts'
import type { Binder } from '../credentials/bound.ts'
import type { Issuer } from '../credentials/federation/issuer.ts'
import type { Signer } from '../credentials/signer.ts'
import type { Vault } from '../credentials/vault.ts'
import type { ChainMark, ChainSigner } from '../model/auditchain.ts'
import type { SealedRecord } from '../model/credential.ts'
import type { Secret } from '../model/secret.ts'
import type { AccountSummary } from '../model/target.ts'
import type { Queue } from '../queue/index.ts'
import type { Overview } from '../scheduler/index.ts'
import type { Store } from '../store/index.ts'
import type { Registry } from '../telemetry/registry.ts'
import type { PackageRoom } from './packageroom.ts'
import type { RouteName } from './routes.ts'

export type { PlainCredential } from '../credentials/account.ts'

/** The outside world of the API, given by the composition root. */
export interface ApiDeps {
  readonly store: Store
  readonly queue: Pick<Queue, 'enqueue' | 'depth'>
  readonly seal: (account: string, plaintext: string) => SealedRecord
  /** Seals and opens the secrets of steps. */
  readonly vault: Vault
  readonly packages: PackageRoom
  /** Binds the records of targets to the servers. */
  readonly binder: Binder
  /** Signs what workers are to believe. */
  readonly signer: Signer
  /** A record under the key that seals now; undefined when it is already. */
  readonly reseal: (record: SealedRecord) => SealedRecord | undefined
  /** Ids of the master keys that records can be opened with; the first one seals. */
  readonly kids: readonly string[]
  /** The record of who did what: whose signatures it has, and what this server saw of it before. */
  readonly audit: { readonly signer: Pick<ChainSigner, 'verify'>; readonly seen?: () => readonly Pick<ChainMark, 'n' | 'hash'>[] }
  readonly summarize: (account: string, credential: PlainCredential) => AccountSummary
  /** Names and keys for targets of the mode federated. @throws TelpherError issuer_missing where no address of it is known */
  readonly issuer: Issuer
  /** Between two checks of each target, in ms. */
  readonly targetCheckMs: number
  readonly token: Secret
  readonly version: string
  /** The server's own files, for telpher doctor, which looks at them. */
  readonly secrets?: { readonly keyFile: string; readonly tokenFile: string; readonly olderKeyFiles?: readonly string[] }
  readonly log: {
    error(fields: object, message: string): void
    warn(fields: object, message: string): void
    info(fields: object, message: string): void
  }
  readonly now?: () => number
  /** What this server counts. */
  readonly registry?: Registry
  /** What its scheduler sees. */
  readonly overview?: () => Overview | undefined
  /** Aborted when the server begins to close: streams end, so that clients go on elsewhere. */
  readonly closing?: AbortSignal
}

export interface ApiEnv {
  Variables: {
    requestId: string
    /** The route that serves it. */
    route?: RouteName
    /** What it is done to, for the record of who did what, where neither path nor answer names it. */
    subject?: string
  }
}
export type Api = OpenAPIHono<ApiEnv>
