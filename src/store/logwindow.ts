import type { ChunkHead } from './logformat.ts'
import type { LogGap, LogSum } from './types.ts'

/**
 * What the cap left out between the last block of a log's head and the first of its tail.
 * @param head undefined when nothing is in the head
 */
export const gapBetween = (head: ChunkHead | undefined, tail: ChunkHead | undefined): LogGap | undefined => {
  if (tail === undefined) return undefined
  const from = head === undefined ? 1 : head.n + head.count
  const lines = tail.n - from
  if (lines <= 0) return undefined
  return { from, to: tail.n - 1, lines, bytes: tail.offset - (head === undefined ? 0 : head.offset + head.bytes) }
}

/** The number of the first of the last `count` lines that are kept; those left out are none of them. */
export const tailStart = ({ total, gap }: Pick<LogSum, 'total' | 'gap'>, count: number): number => {
  const start = total - count + 1
  if (gap === undefined || start > gap.to) return Math.max(1, start)
  return Math.max(1, start - gap.lines)
}
