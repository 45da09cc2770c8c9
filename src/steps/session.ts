import type { ErrorCode } from '../model/errors.ts'
import type { ImageFacts } from '../model/image.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { Container } from '../model/ports.ts'

/** A request that the gate did not let through. */
export interface GateRefusal {
  readonly code: ErrorCode
  readonly message: string
}

/** How the program of a step ended, as its container says. */
export interface StepExit {
  readonly code: number | null
  readonly signal: string | null
  /** Whether it was ended for want of memory. */
  readonly oom: boolean
}

/**
 * An execution container joined with its tether and its gate: what a step needs of them.
 * The composition root makes it; steps know nothing of Docker, frames or HTTP.
 */
export interface StepSession {
  /** What its image is; absent where that cannot be known. */
  readonly image?: ImageFacts
  /** Port inside the container behind which the gate answers. */
  readonly port: number
  /** The secret path segment that the gate expects. */
  readonly nonce: string
  /** Where its program finds itself, when that is no execution container. */
  readonly place?: Container['place']
  /** Runs the one program of this container. @throws TelpherError when no exit record came */
  run(job: {
    readonly argv: readonly string[]
    readonly env: Readonly<Record<string, string>>
    readonly cwd: string
    /** A tar stream that is unpacked under the working directory first. */
    readonly files: AsyncIterable<Uint8Array>
  }): Promise<StepExit>
  signal(name: 'SIGTERM' | 'SIGKILL'): void
  /** The writes so far, and those to come. */
  writes(): readonly LedgerEntry[]
  /** What the gate refused, in order. */
  refusals(): readonly GateRefusal[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** How many writes are at the API server without an answer. */
  openWrites(): number
  /** Resolves when everything of the ledger is in the store. */
  settled(): Promise<void>
  /** Shuts the gate and removes the container; safe to call more than once. */
  dispose(): Promise<void>
}
