import type { Connection } from './connection.ts'
import { packLines } from './logpack.ts'
import { isFull } from './persist.ts'
import type { JobLog, Memory, NewLogLine, PackedLines } from './types.ts'

/** Redis had no room for lines of a log: no outage, so nobody tries it again. */
class NoRoom extends Error {}

/** A connection for one log: what a full Redis refuses is given up at once, since no deployment waits for its log. */
export interface LogConnection {
  readonly connection: Connection
  /** From now on it writes although Redis is full: a word about what is missing. */
  useReserve(): void
}

export const logConnection = (connection: Connection): LogConnection => {
  let isReserved = false
  const giveUp = (error: unknown): never => {
    throw isFull(error) ? new NoRoom('Redis has no room for this log', { cause: error }) : error
  }
  return {
    connection: {
      ...connection,
      call: (work) => connection.call(work).catch(giveUp),
      script: (name, keys, args) => connection.script(name, keys, args, isReserved).catch(giveUp),
    },
    useReserve: () => {
      isReserved = true
    },
  }
}

const noticeOf = (count: number): NewLogLine => ({
  stream: 'system',
  text: `… ${count} ${count === 1 ? 'line was' : 'lines were'} left out here: Redis had no room for logs …`,
  at: Date.now(),
})

/**
 * A log that gives way before Redis is full, so that states and the queue go on: lines are left out, and a line says how many.
 * @param log over the connection of `of`
 */
export const withinBudget = (log: JobLog, of: LogConnection, memory: Pick<Memory, 'look'>): JobLog => {
  let left = 0
  let last: Promise<unknown> = Promise.resolve()

  /** During an outage nothing is known, and nothing is left out: the log waits for its end. */
  const hasRoom = async (): Promise<boolean> => {
    const uses = await memory.look().catch(() => [])
    return uses.every(({ redis, level }) => redis !== 'store' || level !== 'reserve')
  }
  const append = async (blocks: readonly PackedLines[]): Promise<void> => {
    if (blocks.length === 0) return
    if (await hasRoom()) {
      try {
        await log.appendPacked(left === 0 ? blocks : [...packLines([noticeOf(left)]), ...blocks])
        left = 0
        return
      } catch (error) {
        if (!(error instanceof NoRoom)) throw error
      }
    }
    left += blocks.reduce((sum, { count }) => sum + count, 0)
  }
  const inOrder = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  return {
    ...log,
    append: (lines) => inOrder(() => append(packLines(lines))),
    appendPacked: (blocks) => inOrder(() => append(blocks)),
    end: () =>
      inOrder(async () => {
        if (left > 0) {
          of.useReserve()
          await log.appendPacked(packLines([noticeOf(left)]))
          left = 0
        }
        // Without it those who follow see the end of the job a little later.
        await log.end().catch((error: unknown) => {
          if (!(error instanceof NoRoom)) throw error
        })
      }),
  }
}
