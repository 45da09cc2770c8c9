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
