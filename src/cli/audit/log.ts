import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { TelpherError } from '../../model/errors.ts'
import type { Cli } from '../context.ts'

/** No event is nearly so long, in bytes: an API server cuts objects off long before. */
const longestLine = 16 * 1024 * 1024

/** A line with its number; the text is absent for one that is too long. */
export interface NumberedLine {
  readonly number: number
  readonly text: string | undefined
}

const isPacked = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b

/** What comes, unpacked where it is packed. */
async function* unpacked(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  let isOver = false
  while (head.length < 2 && !isOver) {
    const next = await chunks.next()
    isOver = next.done === true
    if (next.done !== true) head = Buffer.concat([head, next.value])
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield head
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
  }
  if (!isPacked(head)) return yield* whole()
  const gunzip = createGunzip()
  // What is wrong with the bytes shows where they are read.
  pipeline(Readable.from(whole()), gunzip).catch(() => {})
  yield* gunzip as AsyncIterable<Uint8Array>
}

async function* split(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<NumberedLine> {
  let waiting: Buffer[] = []
  let [size, number] = [0, 0]
  const take = (rest: Buffer): NumberedLine => {
    const isLong = size + rest.length > longestLine
    const text = isLong ? undefined : Buffer.concat([...waiting, rest]).toString('utf8')
    waiting = []
    size = 0
    return { number: ++number, text }
  }
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    for (let at = rest.indexOf(10); at >= 0; at = rest.indexOf(10)) {
      yield take(rest.subarray(0, at))
      rest = rest.subarray(at + 1)
    }
    size += rest.length
    if (size > longestLine) waiting = []
    else if (rest.length > 0) waiting.push(Buffer.from(rest))
  }
  if (size > 0) yield take(Buffer.alloc(0))
}

/**
 * The lines of a log, one at a time.
 * @param file its path, or `-` for standard input
 * @throws TelpherError audit_log when it cannot be read or unpacked
 */
export async function* linesOf(cli: Pick<Cli, 'stdin' | 'cwd'>, file: string): AsyncGenerator<NumberedLine> {
  try {
    yield* split(unpacked(file === '-' ? cli.stdin() : createReadStream(resolve(cli.cwd, file))))
  } catch (thrown) {
    if (thrown instanceof TelpherError) throw thrown
    throw new TelpherError('audit_log', `${file}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, {
      field: file,
      cause: thrown,
    })
  }
}
