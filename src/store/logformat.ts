import type { LogLine, LogStream } from '../model/deployment.ts'
import type { StreamEntry } from './follow.ts'
import type { NewLogLine } from './types.ts'

/** A line longer than this is cut, with a word about it: one line must not fill the log. */
const maxLineBytes = 256 * 1024
/** A chunk is closed when it reaches this. */
const maxChunkBytes = 64 * 1024

const codes: Readonly<Record<LogStream, string>> = { stdout: 'o', stderr: 'e', system: 's' }
const streams = new Map<string, LogStream>(Object.entries(codes).map(([stream, code]) => [code, stream as LogStream]))

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
  readonly data: string
}

/** Lines as chunks to be stored. */
export const toChunks = (lines: readonly NewLogLine[]): Chunk[] => {
  const chunks: Chunk[] = []
  let rows: [number, string, string][] = []
  let bytes = 0
  const close = (): void => {
    if (rows.length > 0) chunks.push({ count: rows.length, bytes, data: JSON.stringify(rows) })
    rows = []
    bytes = 0
  }
  for (const { at, stream, text } of lines) {
    const kept = cut(text)
    rows.push([at, codes[stream], kept])
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

/**
 * The lines of a stored chunk that come after a place, before them a notice when some in between were left out.
 * @returns the lines, the place after them, and whether the log says that it has ended
 */
export const fromChunk = (
  { fields }: StreamEntry,
  place: Place,
): { readonly lines: readonly LogLine[]; readonly place: Place; readonly end: boolean } => {
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  if (fields.has('end')) return { lines: [], place, end: true }
  const first = number('n')
  const rows = JSON.parse(fields.get('d') ?? '[]') as [number, string, string][]
  const lines = rows
    .map(([at, code, text], index): LogLine => ({ n: first + index, at, stream: streams.get(code) ?? 'system', text }))
    .filter(({ n }) => n > place.n)
  const after: Place = { n: Math.max(place.n, first + rows.length - 1), bytes: number('o') + number('b') }
  const missing = first - place.n - 1
  if (missing <= 0) return { lines, place: after, end: false }
  const size = place.bytes === undefined ? '' : ` (${formatBytes(number('o') - place.bytes)})`
  const text = `… ${missing} ${missing === 1 ? 'line' : 'lines'}${size} were left out here …`
  return { lines: [{ n: first - 1, at: lines[0]?.at ?? 0, stream: 'system', text }, ...lines], place: after, end: false }
}
