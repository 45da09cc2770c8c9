import type { LedgerEntry } from '../model/ledger.ts'
import type { JobEnd } from '../model/states.ts'

/** Why an attempt is to stop; the first reason wins. */
export type StopReason = 'cancelled' | 'deadline' | 'superseded' | 'revoked' | 'shutdown'

/** A stop that can be asked once, and what it comes to. */
export interface Stop {
  readonly signal: AbortSignal
  /** Aborted when the program is not to be given its time any more. */
  readonly forced: AbortSignal
  readonly reason: () => StopReason | undefined
  /** Time that a program has between TERM and KILL, in ms. */
  readonly graceMs: number
  /** @param force ends the program at once; may follow a request without it */
  ask(reason: Exclude<StopReason, 'deadline'>, force?: boolean): void
  /** @param words what is over, such as `the deadline of 30 s` */
  expire(words: string): void
  /** The end that a stopped attempt has. */
  end(phase: string, writes: readonly LedgerEntry[]): JobEnd
}

const written = (writes: readonly LedgerEntry[]): string => {
  const names = new Set(
    writes.filter((write) => write.code >= 200 && write.code < 300).map((write) => `${write.resource}/${write.name ?? ''}`),
  )
  if (names.size === 0) return 'nothing had been written'
  return `${names.size} ${names.size === 1 ? 'object' : 'objects'} had been written`
}

/** @param graceMs time between TERM and KILL */
export const createStop = (graceMs: number): Stop => {
  const controller = new AbortController()
  const forcing = new AbortController()
  let reason: StopReason | undefined
  let over = 'its time'
  return {
    signal: controller.signal,
    forced: forcing.signal,
    reason: () => reason,
    graceMs,
    ask(why, force = false) {
      reason ??= why
      if (force) forcing.abort()
      controller.abort(new Error(reason))
    },
    expire(words) {
      reason ??= 'deadline'
      over = words
      controller.abort(new Error(reason))
    },
    end(phase, writes) {
      if (reason === 'shutdown')
        return { status: 'errored', code: 'worker_stopped', sentence: `its worker was stopped while ${phase}; ${written(writes)}` }
      if (reason === 'deadline')
        return {
          status: 'timed_out',
          code: 'deadline_passed',
          sentence: `${over} passed while ${phase}; ${written(writes)}`,
        }
      if (reason === 'revoked')
        return { status: 'errored', code: 'grant_revoked', sentence: `its credential was revoked while ${phase}; ${written(writes)}` }
      return {
        status: 'cancelled',
        code: 'cancelled',
        sentence: `cancelled ${forcing.signal.aborted ? 'by force ' : ''}while ${phase}; ${written(writes)}`,
      }
    },
  }
}
