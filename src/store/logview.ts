import type { LogLine } from '../model/deployment.ts'
import type { Connection } from './connection.ts'
import { type RawEntry, type StreamEntry, toEntry } from './follow.ts'
import type { JobKeys } from './keys.ts'
import { findInBlock, linesOf } from './logblock.ts'
import { blockOf, type ChunkHead, headOf } from './logformat.ts'
import { gapBetween, tailStart } from './logwindow.ts'
import type { JobLog, LogSum } from './types.ts'

/** Blocks that one read brings: about 1 MiB before they are unpacked. */
const pageBlocks = 64
/** A block of the log stands before at most so many words of its end, one an attempt. */
const endsInARow = 16

interface Found {
  readonly entry: StreamEntry
  readonly head: ChunkHead
}

export interface LogView extends Pick<JobLog, 'window' | 'search'> {
  /** The id in a stream after which the block with a line, or the first after it, comes. */
  idBefore(key: string, line: number): Promise<string>
}

const withHead = (entries: readonly StreamEntry[]): Found[] =>
  entries.flatMap((entry) => {
    const head = headOf(entry)
    return head === undefined ? [] : [{ entry, head }]
  })

/** A log as it lies in Redis, by line numbers. @param isOver whether the job has ended, asked when the log does not say it itself */
export const createLogView = (connection: Connection, keys: JobKeys, isOver: () => Promise<boolean>): LogView => {
  const range = async (key: string, from: string, count: number): Promise<StreamEntry[]> =>
    ((await connection.call((redis) => redis.xrangeBuffer(key, from, '+', 'COUNT', count))) as RawEntry[]).map(toEntry)
  const lastUpTo = async (key: string, id: string): Promise<Found | undefined> =>
    withHead(((await connection.call((redis) => redis.xrevrangeBuffer(key, id, '-', 'COUNT', endsInARow))) as RawEntry[]).map(toEntry))[0]
  const blockStart = async (key: string, line: number): Promise<number> =>
    line === 1 ? 1 : ((await lastUpTo(key, `${line}-0`))?.head.n ?? 1)

  /** Blocks from the one with a line on, head before tail. */
  const blocks = async function* (from: number): AsyncGenerator<Found> {
    for (const key of [keys.logHead, keys.logTail]) {
      let next = `${await blockStart(key, from)}-0`
      while (true) {
        const entries = await range(key, next, pageBlocks)
        for (const found of withHead(entries)) if (found.head.n + found.head.count > from) yield found
        const last = entries.at(-1)
        if (last === undefined || entries.length < pageBlocks) break
        next = `(${last.id}`
      }
    }
  }

  const sum = async (): Promise<LogSum> => {
    const [total, bytes, over] = await connection.call((redis) => redis.hmget(keys.log, 'lines', 'bytes', 'over'))
    const complete = over !== null && over !== undefined ? true : await isOver()
    const head = (await lastUpTo(keys.logHead, '+'))?.head
    const tail = withHead(await range(keys.logTail, '-', endsInARow))[0]?.head
    const gap = gapBetween(head, tail)
    return { total: Number(total ?? 0), bytes: Number(bytes ?? 0), complete, ...(gap === undefined ? {} : { gap }) }
  }

  return {
    async idBefore(key, line) {
      const start = await blockStart(key, line)
      // The greatest id before that of the block: ids are two numbers of 64 bits.
      return start === 1 ? '0-0' : `${start - 1}-18446744073709551615`
    },
    async window({ from = 1, tail, limit }) {
      const whole = await sum()
      const start = tail === undefined ? from : tailStart(whole, Math.min(tail, limit))
      const lines: LogLine[] = []
      for await (const { entry, head } of blocks(start)) {
        for (const [index, line] of linesOf(await blockOf(entry)).entries())
          if (head.n + index >= start && head.n + index <= whole.total && lines.length < limit) lines.push({ n: head.n + index, ...line })
        if (lines.length >= limit) break
      }
      const last = lines.at(-1)?.n
      return { ...whole, lines, ...(last !== undefined && last < whole.total ? { next: last + 1 } : {}) }
    },
    async search({ text, ignoreCase, limit, signal }) {
      const lines: LogLine[] = []
      const withMatches: { from: number; to: number; matches: number }[] = []
      let [matches, searched] = [0, 0]
      for await (const { entry, head } of blocks(1)) {
        if (signal?.aborted === true) break
        const block = await blockOf(entry)
        const found = findInBlock(block, { text, ignoreCase })
        searched += head.count
        if (found.length === 0) continue
        matches += found.length
        withMatches.push({ from: head.n, to: head.n + head.count - 1, matches: found.length })
        if (lines.length >= limit) continue
        const all = linesOf(block)
        for (const index of found.slice(0, limit - lines.length)) {
          const line = all[index]
          if (line !== undefined) lines.push({ n: head.n + index, ...line })
        }
      }
      return { ...(await sum()), matches, searched, lines, blocks: withMatches }
    },
  }
}
