import { TextDecoder } from 'node:util'

/** One line without its line break; no text when it was longer than is read. */
export interface Line {
  readonly text: string | undefined
  /** Counted from 1. */
  readonly at: number
}

/** A byte order mark that PowerShell writes: everything else is UTF-8. */
const decoderOf = (first: Uint8Array): TextDecoder => {
  if (first[0] === 0xff && first[1] === 0xfe) return new TextDecoder('utf-16le')
  return new TextDecoder(first[0] === 0xfe && first[1] === 0xff ? 'utf-16be' : 'utf-8')
}

/**
 * The lines of a stream, as many at once as have come.
 * @param longest characters after which a line is left out
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<readonly Line[]> {
  let decoder: TextDecoder | undefined
  let [open, length, at]: [string[], number, number] = [[], 0, 1]
  const end = (last: string): Line => {
    const text = length + last.length > longest ? undefined : [...open, last].join('').replace(/\r$/, '')
    ;[open, length] = [[], 0]
    return { text, at: at++ }
  }
  for await (const chunk of chunks) {
    decoder ??= decoderOf(chunk)
    const pieces = decoder.decode(chunk, { stream: true }).split('\n')
    const rest = pieces.pop() ?? ''
    const lines = pieces.map(end)
    // What is too long already is not kept, only counted.
    if (length + rest.length <= longest) open.push(rest)
    else open = []
    length += rest.length
    if (lines.length > 0) yield lines
  }
  const rest = decoder?.decode() ?? ''
  if (length + rest.length > 0) yield [end(rest)]
}
