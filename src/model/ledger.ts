/** The verbs of Kubernetes authorisation that change something, plus those that open a stream into a pod. */
export type WriteVerb = 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'connect'

/** One write that a job sent through its gate, with the API server's own answer. */
export interface LedgerEntry {
  /** Order within the attempt, from 1. */
  readonly n: number
  /** When the answer came, ms since the epoch. */
  readonly at: number
  readonly attempt: number
  readonly verb: WriteVerb
  readonly group: string
  readonly version: string
  /** Plural resource name, such as `deployments`. */
  readonly resource: string
  readonly subresource?: string
  readonly kind?: string
  readonly namespace?: string
  readonly name?: string
  readonly uid?: string
  readonly generation?: number
  readonly dryRun: boolean
  /** HTTP status of the answer; 0 when none came. */
  readonly code: number
  /** `reason` and `message` of the Status when the answer is a refusal. */
  readonly reason?: string
  readonly message?: string
  readonly ms: number
  /** How often it was sent, where more than one of them may have had an effect. */
  readonly sends?: number
  readonly credentialId: string
  readonly auditId?: string
}
