import type { Job } from '../../model/deployment.ts'
import type { TelpherError } from '../../model/errors.ts'
import type { JobEvent } from '../../model/states.ts'
import type { JobReport } from './deployments.ts'

/** How long what is written is kept, in ms, and how much of a log. */
export interface StoreLimits {
  /** Everything of a finished deployment, but its logs. */
  readonly deploymentMs: number
  /** How many finished deployments are kept at most: the oldest go first. */
  readonly deployments: number
  /** Logs, counted from the last line. */
  readonly logMs: number
  /** A package, counted from its last use: the net below the sweep, so longer than any deployment that refers to it. */
  readonly packageMs: number
  /** How long a package stays that no kept deployment refers to, counted from its last use. */
  readonly packageGraceMs: number
  readonly idempotencyMs: number
  readonly checkMs: number
  /** The record of a worker that is no longer heard. */
  readonly workerMs: number
  /** Bytes of a job's log that are kept from its beginning, and as many again from its end. */
  readonly logHeadBytes: number
  readonly logTailBytes: number
  /** Events of one deployment, about. */
  readonly events: number
  /** The record of who did what, in ms and in records: the oldest go first. */
  readonly auditMs: number
  readonly auditRecords: number
}

export interface StoreOptions {
  /** `redis://` or `rediss://` address. */
  readonly url: string
  /** Another Redis for logs and packages; the same one when absent. */
  readonly storeUrl?: string
  /** Shown by CLIENT LIST. */
  readonly clientName?: string
  readonly log?: (line: object) => void
  /** Milliseconds until a call gives up with redis_timeout; 5000 when absent. */
  readonly timeoutMs?: number
  readonly limits?: Partial<StoreLimits>
  /** Whether data of an older version is taken to this one here, or waited for until a server did; yes when absent. */
  readonly migrates?: boolean
  /** What uses the data for long, by name: newer programs do nothing to it meanwhile that it could not work with. */
  readonly program?: {
    readonly name: string
    /** Told when it was silent for so long that they did: it must end at once. */
    readonly onLeftBehind: (why: TelpherError) => void
  }
  /** Told each change of a job that this store made: of several processes one makes it, so that all of them together tell each once. */
  readonly onChange?: JobChanged
}

/** A change of a job, after it was written. A change whose answer was lost may not be told. */
export type JobChanged = (before: Job, after: Job, event: JobEvent, report: JobReport | undefined) => void
