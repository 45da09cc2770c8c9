const lineFeed = 10
const carriageReturn = 13

/** More blanks in a row than any indentation has: what follows them is read as another text. */
const longestGap = 1024
/** Stands in the unwrapped text for such a gap: no form holds a line end once it is unwrapped itself. */
const gapMark = lineFeed

/** Where a text is between two lines: how many bytes of line ends and indentation have gone by, 0 in the middle of a line. */
export type Gap = number

const isBlank = (byte: number, between: Gap): boolean =>
  byte === lineFeed || byte === carriageReturn || (between > 0 && (byte === 32 || byte === 9))

/** Where a text is after `bytes`, having been at `between` before them. */
const gapAfter = (bytes: Uint8Array, between: Gap): Gap => {
  let blanks = between
  for (const byte of bytes) blanks = isBlank(byte, blanks) ? blanks + 1 : 0
  return blanks
}

/** A text without its line ends and the indentation after them, so that what a tool has wrapped reads as it was. */
export interface Unwrapped {
  /** Begins with what was known of the text before; valid until the next text is unwrapped. */
  readonly bytes: Uint8Array
  readonly length: number
  /** Where a byte was in the wrapped text; only for those that are not of the text before. */
  placeOf(at: number): number
  /** How many bytes are from before `end` of the wrapped text, and what comes between them and it. */
  until(end: number): { readonly length: number; readonly between: Gap }
}

/** Where every text of this thread is unwrapped: nothing is kept there. */
const room = { bytes: new Uint8Array(0), begins: new Int32Array(0), origins: new Int32Array(0) }
const makeRoom = (bytes: number): void => {
  if (room.bytes.length >= bytes) return
  room.bytes = new Uint8Array(bytes * 2)
  room.begins = new Int32Array(bytes * 2)
  room.origins = new Int32Array(bytes * 2)
}

/**
 * @param text what is to be unwrapped
 * @param before the end of what came before it, unwrapped
 * @param between what came between them
 */
export const unwrap = (text: Uint8Array, before: Uint8Array = new Uint8Array(0), between: Gap = 0): Unwrapped => {
  makeRoom(before.length + text.length + 1)
  const { bytes, begins, origins } = room
  bytes.set(before)
  let length = before.length
  let pieces = 0
  const keep = (from: number, to: number): void => {
    begins[pieces] = length
    origins[pieces++] = from
    bytes.set(text.subarray(from, to), length)
    length += to - from
  }
  let blanks = between
  for (let at = 0; at < text.length; ) {
    if (isBlank(text[at] as number, blanks)) {
      if (++blanks === longestGap) {
        keep(at, at + 1)
        bytes[length - 1] = gapMark
      }
      at++
      continue
    }
    blanks = 0
    const from = at
    while (at < text.length && (text[at] as number) !== lineFeed && (text[at] as number) !== carriageReturn) at++
    keep(from, at)
  }
  const placeOf = (at: number): number => {
    let low = 0
    for (let high = pieces; high - low > 1; ) {
      const middle = (low + high) >> 1
      if ((begins[middle] as number) <= at) low = middle
      else high = middle
    }
    return (origins[low] as number) + at - (begins[low] as number)
  }
  return {
    bytes,
    length,
    placeOf,
    until(end) {
      let count = length
      while (count > before.length && placeOf(count - 1) >= end) count--
      if (count === before.length) return { length: count, between: gapAfter(text.subarray(0, end), between) }
      const rest = text.subarray(placeOf(count - 1) + 1, end)
      return { length: count, between: gapAfter(rest, bytes[count - 1] === gapMark ? longestGap : 0) }
    },
  }
}

/** A whole text unwrapped, to be kept. */
export const unwrapped = (text: Uint8Array): Buffer => {
  const { bytes, length } = unwrap(text)
  return Buffer.from(bytes.subarray(0, length))
}
