import type { LedgerEntry } from './ledger.ts'

/** What is known of an attempt that was lost with its worker. Times in ms since the epoch, by the clock of Redis. */
export interface Loss {
  readonly attempt: number
  /** Id of the worker that held it, and its name where the worker was still known. */
  readonly worker: string
  readonly name?: string
  /** Why it counts as lost, and what came of fencing it. */
  readonly because: string
  /** When that was found. */
  readonly at: number
  /** Its worker's last heartbeat; absent where the worker was no longer known. */
  readonly heardAt?: number
  /** When its claim was last proven: it forwarded no write that began more than a claim's time after it. */
  readonly renewedAt: number
  /** How many writes its last heartbeat said to be without an answer; absent where none spoke of it. */
  readonly openWrites?: number
  /** How many writes of it the ledger has, and the last of them. */
  readonly writes: number
  readonly wrote: readonly string[]
}

/** More of them say no more; the ledger has all. */
const mostWrites = 20

const writeText = ({ verb, resource, namespace, name, code }: LedgerEntry): string =>
  `${verb} ${resource}${name === undefined ? '' : `/${name}`}${namespace === undefined ? '' : ` in ${namespace}`}: ${code === 0 ? 'no answer' : code}`

/** What the ledger says that an attempt wrote. @param entries of its job, in order */
export const writesOfAttempt = (entries: readonly LedgerEntry[], attempt: number): Pick<Loss, 'writes' | 'wrote'> => {
  const own = entries.filter((entry) => entry.attempt === attempt)
  return { writes: own.length, wrote: own.slice(-mostWrites).map(writeText) }
}

const time = (ms: number): string => new Date(ms).toISOString()

/** A loss in one line. */
export const lossText = (loss: Loss): string => {
  const { attempt, worker, name, because, at, heardAt, renewedAt, openWrites, writes } = loss
  const heard = heardAt === undefined ? 'never heard again' : `last heard ${time(heardAt)}`
  const open = openWrites === undefined ? '' : `, ${openWrites} without an answer then`
  return `attempt ${attempt} on ${name ?? worker} (${worker}): ${because}; ${heard}, claim last proven ${time(renewedAt)}, found lost ${time(at)}; ${writes} ${writes === 1 ? 'write' : 'writes'}${open}`
}
