import { promisify } from 'node:util'
import { constants, zstdCompressSync, zstdDecompress } from 'node:zlib'
import { TelpherError } from '../model/errors.ts'
import type { NewLogLine } from './types.ts'

const decompress = promisify(zstdDecompress)
/** Below this, in bytes, a compressed block is hardly smaller and costs more to read. */
const smallest = 512
/** What a block may unpack to, in bytes: two of the longest lines and more, never a bomb. */
const longest = 4 * 1024 * 1024
const newline = 10

type Run = readonly [at: number, stream: string, count: number]
interface Header {
  /** Lines in a row with the same time and stream. */
  readonly r: readonly Run[]
  /** 1 when each line is written as a JSON string: one of them holds what would not come back as it was. */
  readonly e?: 1
}

/** A block as it is stored: the field's name says whether its bytes are compressed (`z`) or plain text (`d`). */
export interface PackedBlock {
  readonly field: 'd' | 'z'
  readonly data: Buffer
}

/** A block that was opened: a header, then its lines, one after the other as bytes. */
export interface Block {
  readonly header: Header
  readonly body: Buffer
}

const codes = { stdout: 'o', stderr: 'e', system: 's' } as const
const streams = { o: 'stdout', e: 'stderr', s: 'system' } as const
const plain = (text: string): boolean => !text.includes('\n') && text.isWellFormed()

const layOut = (lines: readonly NewLogLine[]): Buffer => {
  const runs: [number, string, number][] = []
  for (const { at, stream } of lines) {
    const last = runs.at(-1)
    if (last !== undefined && last[0] === at && last[1] === codes[stream]) last[2]++
    else runs.push([at, codes[stream], 1])
  }
  const isPlain = lines.every(({ text }) => plain(text))
  const header: Header = isPlain ? { r: runs } : { r: runs, e: 1 }
  const texts = lines.map(({ text }) => (isPlain ? text : JSON.stringify(text)))
  return Buffer.from(`${JSON.stringify(header)}\n${texts.join('\n')}`)
}

/** Lines as a block. */
export const packBlock = (lines: readonly NewLogLine[]): PackedBlock => {
  const bytes = layOut(lines)
  if (bytes.length < smallest) return { field: 'd', data: bytes }
  return { field: 'z', data: zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) }
}

/** @throws TelpherError internal when it is no block of ours */
export const openBlock = async ({ field, data }: PackedBlock): Promise<Block> => {
  try {
    const bytes = field === 'z' ? await decompress(data, { maxOutputLength: longest }) : data
    const end = bytes.indexOf(newline)
    return { header: JSON.parse(bytes.subarray(0, end).toString()) as Header, body: bytes.subarray(end + 1) }
  } catch (cause) {
    throw new TelpherError('internal', 'a block of the log cannot be read', { cause })
  }
}

/** The lines of a block as they were given. */
export const linesOf = ({ header, body }: Block): NewLogLine[] => {
  const texts = body.toString().split('\n')
  let next = 0
  return header.r.flatMap(([at, code, count]) =>
    Array.from({ length: count }, (): NewLogLine => {
      const text = texts[next++] ?? ''
      return { at, stream: streams[code as keyof typeof streams], text: header.e === 1 ? (JSON.parse(text) as string) : text }
    }),
  )
}

export interface Query {
  /** Literal, without a line's end. */
  readonly text: string
  readonly ignoreCase: boolean
}

/** Folded as `toLowerCase` does, without regard to a language. */
const fold = (text: string): string => text.toLowerCase()

/**
 * Which lines of a block hold a text; a line that holds it twice counts once.
 * @returns their places in the block, from 0, in order
 */
export const findInBlock = (block: Block, { text, ignoreCase }: Query): number[] => {
  if (block.header.e === 1) {
    const needle = ignoreCase ? fold(text) : text
    return linesOf(block).flatMap((line, index) => ((ignoreCase ? fold(line.text) : line.text).includes(needle) ? [index] : []))
  }
  const body = ignoreCase ? Buffer.from(fold(block.body.toString())) : block.body
  const needle = Buffer.from(ignoreCase ? fold(text) : text)
  const found: number[] = []
  let index = 0
  let start = 0
  for (let at = body.indexOf(needle); at !== -1; at = body.indexOf(needle, start)) {
    // Bytes are looked through once; only before a match are the ends of lines counted.
    for (let end = body.indexOf(newline, start); end !== -1 && end < at; end = body.indexOf(newline, start)) {
      start = end + 1
      index++
    }
    found.push(index)
    const end = body.indexOf(newline, at)
    if (end === -1) break
    start = end + 1
    index++
  }
  return found
}
