import { packBlock } from './logblock.ts'
import { toChunks } from './logformat.ts'
import type { NewLogLine, PackedLines } from './types.ts'

/** Lines as they are stored. */
export const packLines = (lines: readonly NewLogLine[]): PackedLines[] =>
  toChunks(lines).map(({ count, bytes, lines: taken }) => ({ count, bytes, ...packBlock(taken) }))
