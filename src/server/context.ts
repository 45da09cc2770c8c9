import type { OpenAPIHono } from '@hono/zod-openapi'
import type { SealedRecord } from '../model/credential.ts'
import type { Secret } from '../model/secret.ts'
import type { AccountSummary } from '../model/target.ts'
import type { Queue } from '../queue/index.ts'
import type { Store } from '../store/index.ts'

/** A credential in clear, on its way to be sealed. */
export type PlainCredential =
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'client-certificate'; readonly certificate: string; readonly key: string }

/** The outside world of the API, given by the composition root. */
export interface ApiDeps {
  readonly store: Store
  readonly queue: Pick<Queue, 'enqueue'>
  readonly seal: (account: string, plaintext: string) => SealedRecord
  readonly summarize: (account: string, credential: PlainCredential) => AccountSummary
  readonly token: Secret
  readonly version: string
  readonly log: { error(fields: object, message: string): void; info(fields: object, message: string): void }
  readonly now?: () => number
}

export type ApiEnv = { Variables: { requestId: string } }
export type Api = OpenAPIHono<ApiEnv>
