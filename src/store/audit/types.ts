import type { AuditEntry, AuditRecord } from '../../model/audit.ts'
import type { ChainMark, ChainReport, ChainSigner } from '../../model/auditchain.ts'

/** Which records are read. */
export interface AuditQuery {
  /** At most so many. */
  readonly limit: number
  /** Only those beyond this id. */
  readonly cursor?: string
  /** `newest` first when absent. */
  readonly order?: 'newest' | 'oldest'
  /** Nothing that was recorded before this, ms since the epoch, by the server's clock. */
  readonly recordedSince?: number
  /** Which of them are wanted; all when absent. */
  readonly matches?: (record: AuditRecord) => boolean
}

/** The record of who did what: it grows at its end and is removed at its beginning, and nothing in it is changed. */
export interface Audit {
  /**
   * Takes entries in, in order; a server gives them their places within a second. Safe to call from any process.
   * @throws TelpherError redis_* when Redis stays away for ten minutes
   */
  append(...entries: readonly AuditEntry[]): Promise<void>
  /** @returns `next` as long as there may be more */
  list(query: AuditQuery): Promise<{ readonly records: AuditRecord[]; readonly next?: string }>
  /**
   * Gives places to everything that waits for one, if it is this server's turn.
   * @param server tells this one from others
   * @returns how many; undefined when it is another one's turn
   */
  seal(server: string, signer: ChainSigner): Promise<number | undefined>
  /** Lets another server have the turn. */
  leave(server: string): Promise<void>
  /** Whether nothing waits for its place. */
  isSealed(): Promise<boolean>
  /** Removes what is too old or too much. @returns how many records went */
  trim(signer: ChainSigner): Promise<number>
  /** @param seen places that were seen before: the chain must still have them */
  verify(signer: Pick<ChainSigner, 'verify'>, seen?: readonly Pick<ChainMark, 'n' | 'hash'>[]): Promise<ChainReport>
  /** Its signed end; undefined while nothing was recorded. */
  head(): Promise<ChainMark | undefined>
}
