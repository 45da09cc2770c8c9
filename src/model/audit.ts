import type { LedgerEntry, WriteVerb } from './ledger.ts'

/** How what was asked for ended. */
export type AuditOutcome = 'done' | 'refused' | 'failed'

/**
 * Everything that can be done to what Telpher itself keeps, by what it is done to. Its name is that of the thing: a target, a pool, the
 * id of a deployment; never a value.
 */
export interface AuditActions {
  deployment: 'start' | 'cancel' | 'retry' | 'rerun' | 'rollback'
  attempt: 'lost'
  target: 'add' | 'change' | 'remove' | 'check'
  account: 'add' | 'replace' | 'remove'
  rotation: 'begin' | 'mint' | 'seal' | 'verify' | 'switch' | 'revoke' | 'confirm' | 'end' | 'roll-back' | 'repair' | 'alarm'
  key: 'add' | 'rotate' | 'drop'
  secret: 'set' | 'remove'
  pool: 'create' | 'change' | 'state' | 'remove' | 'enrol' | 'expel'
  worker: 'enrol' | 'expel' | 'drain'
  producer: 'add' | 'remove'
  freeze: 'add' | 'lift'
  image: 'pin' | 'unpin'
  backup: 'read' | 'restore'
  /** Of the record itself: `broken` where somebody changed it, `rolled-back` where its end is missing. */
  audit: 'broken' | 'rolled-back'
}

/** What every record has. */
interface Common {
  /** When it happened, ms since the epoch, by the clock of who says so. */
  readonly at: number
  /**
   * Who did it: `api` (whoever holds the token), `api:NAME` (with the name that a client gives itself), `producer:NAME`, `worker:NAME`, `server`.
   */
  readonly who: string
  readonly target?: string
  readonly deploymentId?: string
  readonly jobId?: string
  readonly attempt?: number
}

/** What a request to an API server named, and what that answered. */
interface Request extends Pick<LedgerEntry, 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name' | 'uid' | 'reason'> {
  readonly verb: WriteVerb
  readonly dryRun: boolean
  /** HTTP status of the answer; 0 when none came. */
  readonly code: number
  readonly ms: number
  /** The token's JTI. */
  readonly credentialId: string
  readonly auditId?: string
  /** How often it was sent, where that was more than once. */
  readonly sends?: number
}

/** A write of an attempt, from its ledger. */
export interface AuditWrite extends Common, Request {
  readonly type: 'write'
  readonly step?: string
}

/** A write of Telpher's own to a target, such as the Secret of an attempt. */
export interface AuditCall extends Common, Request {
  readonly type: 'call'
}

/** What was given to an attempt to act with, and its end. */
export interface AuditCredential extends Common {
  readonly type: 'credential'
  readonly action: 'mint' | 'renew' | 'revoke' | 'fence' | 'sweep'
  readonly outcome: AuditOutcome
  readonly credentialId?: string
  /** ms since the epoch. */
  readonly expiresAt?: number
  /** Name of the error that it ended with. */
  readonly code?: string
}

/** Names, numbers, reasons that people gave. */
export type AuditDetail = Readonly<Record<string, string | number | boolean>>

/** What somebody did to something of Telpher's own. */
export type AuditEvent = {
  [Subject in keyof AuditActions]: Common & {
    readonly type: Subject
    readonly action: AuditActions[Subject]
    readonly name: string
    readonly outcome: AuditOutcome
    /** Name of the error that it ended with. */
    readonly code?: string
    /** What else is worth knowing: names, numbers, reasons that people gave; nothing secret. */
    readonly detail?: AuditDetail
  }
}[keyof AuditActions]

/** What is written into the record of who did what. */
export type AuditEntry = AuditWrite | AuditCall | AuditCredential | AuditEvent

/** An entry with its place. */
export type AuditRecord = AuditEntry & {
  /** From 1, without gaps. */
  readonly n: number
  /** Its id: when it was recorded, ms since the epoch by the server's clock, and a count; the cursor of lists. */
  readonly id: string
  /** SHA-256 over the hash before it and this record, base64url. */
  readonly hash: string
}
