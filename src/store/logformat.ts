import type { LogLine } from '../model/deployment.ts'
import type { StreamEntry } from './follow.ts'
import { type Block, linesOf, openBlock } from './logblock.ts'
import type { NewLogLine } from './types.ts'

/** A line longer than this is cut, with a word about it: one line must not fill the log. */
const maxLineBytes = 256 * 1024
/** A chunk is closed when it reaches this. */
const maxChunkBytes = 64 * 1024

/** A number of bytes for a person, such as `4.5 MB`. */
const formatBytes = (bytes: number): string => {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

const cut = (text: string): string => {
  // Most lines are short: counting their bytes would cost more than all the rest.
  if (text.length * 3 <= maxLineBytes) return text
  const bytes = Buffer.from(text)
  if (bytes.length <= maxLineBytes) return text
  const kept = bytes.subarray(0, maxLineBytes).toString().replace(/�$/, '')
  return `${kept} … ${formatBytes(bytes.length - Buffer.byteLength(kept))} of this line were left out`
}

export interface Chunk {
  readonly count: number
  /** Bytes of the text, one more a line for its end. */
  readonly bytes: number
  readonly lines: readonly NewLogLine[]
}

/** Lines as chunks to be stored. */
export const toChunks = (lines: readonly NewLogLine[]): Chunk[] => {
  const chunks: Chunk[] = []
  let rows: NewLogLine[] = []
  let bytes = 0
  const close = (): void => {
    if (rows.length > 0) chunks.push({ count: rows.length, bytes, lines: rows })
    rows = []
    bytes = 0
  }
  for (const { at, stream, text } of lines) {
    const kept = cut(text)
    rows.push({ at, stream, text: kept })
    bytes += Buffer.byteLength(kept) + 1
    if (bytes >= maxChunkBytes) close()
  }
  close()
  return chunks
}

/** Where a reader of a log is: the number of the last line it has had, and the bytes up to it, where that is known. */
export interface Place {
  readonly n: number
  readonly bytes: number | undefined
}

/** What a stored chunk says of itself; undefined for the word that a log has ended. */
export interface ChunkHead {
  /** Number of its first line, count of lines. */
  readonly n: number
  readonly count: number
  /** Bytes of the log before it, and its own. */
  readonly offset: number
  readonly bytes: number
}

export const headOf = ({ fields }: StreamEntry): ChunkHead | undefined => {
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  return fields.has('end') ? undefined : { n: number('n'), count: number('c'), offset: number('o'), bytes: number('b') }
}

/** @throws TelpherError internal when the block is damaged */
export const blockOf = ({ fields }: StreamEntry): Promise<Block> => {
  const packed = fields.get('z')
  return openBlock(
    packed === undefined ? { field: 'd', data: Buffer.from(fields.get('d') ?? '') } : { field: 'z', data: Buffer.from(packed, 'latin1') },
  )
}

/**
 * The lines of a stored chunk that come after a place, before them a notice when some in between were left out.
 * @returns the lines, the place after them, and whether the log says that it has ended
 * @throws TelpherError internal when the block is damaged
 */
export const fromChunk = async (
  entry: StreamEntry,
  place: Place,
): Promise<{ readonly lines: readonly LogLine[]; readonly place: Place; readonly end: boolean }> => {
  const head = headOf(entry)
  if (head === undefined) return { lines: [], place, end: true }
  const { n: first, offset, bytes } = head
  const rows = linesOf(await blockOf(entry))
  const lines = rows.map((line, index): LogLine => ({ n: first + index, ...line })).filter(({ n }) => n > place.n)
  const after: Place = { n: Math.max(place.n, first + rows.length - 1), bytes: offset + bytes }
  const missing = first - place.n - 1
  if (missing <= 0) return { lines, place: after, end: false }
  const size = place.bytes === undefined ? '' : ` (${formatBytes(offset - place.bytes)})`
  const text = `… ${missing} ${missing === 1 ? 'line' : 'lines'}${size} were left out here …`
  return { lines: [{ n: first - 1, at: lines[0]?.at ?? 0, stream: 'system', text }, ...lines], place: after, end: false }
}
