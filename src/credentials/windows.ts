/** So many bytes of a long form in a row are hidden wherever they are: what was cut off or wrapped is still no one's to read. */
export const windowBytes = 16
const gramBytes = 8

/** Parts the forms in the haystack: it is in no unwrapped text. */
const border = 10

/** Finds pieces of long texts in other texts. */
export interface Windows {
  /**
   * Tells of each place where a window of a form begins; a place may be told twice.
   * @param text unwrapped, in a buffer whose first byte is at a multiple of 4
   */
  find(text: Uint8Array, length: number, found: (at: number) => void): void
  /** How many bytes at the end of a text, fewer than a window has, may become one: seldom more than a form really holds in a row, never fewer. */
  partial(text: Uint8Array, length: number): number
}

/** Both halves of a gram, mixed; the constants are odd and have their bits spread (Knuth, TAOCP 6.4: multiplicative hashing). */
const gramHash = (low: number, high: number): number => {
  const mixed = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)
  return mixed ^ (mixed >>> 15)
}
const windowHash = (first: number, second: number): number => {
  const mixed = Math.imul(first, 0xc2b2ae35) + second
  return mixed ^ (mixed >>> 13)
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)
const gramAt = (bytes: Uint8Array, at: number): number => gramHash(wordAt(bytes, at), wordAt(bytes, at + 4))

const pairAt = (bytes: Uint8Array, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
const quadHash = (bytes: Uint8Array, at: number): number => gramHash(wordAt(bytes, at), 0)

/** A set of numbers that may say yes too often, where there are more of them than bits. @param size a power of two */
const bitsOf = (size: number): { add(hash: number): void; has(hash: number): boolean } => {
  const words = new Int32Array(size / 32)
  const mask = size - 1
  return {
    add(hash) {
      const at = (hash & mask) >>> 5
      words[at] = (words[at] as number) | (1 << (hash & 31))
    },
    has: (hash) => (((words[(hash & mask) >>> 5] as number) >>> (hash & 31)) & 1) === 1,
  }
}

const isSame = (left: Uint8Array, at: number, right: Uint8Array, other: number): boolean => {
  for (let index = 0; index < windowBytes; index++) if (left[at + index] !== right[other + index]) return false
  return true
}

/** The least power of two that is at least so much. */
const powerOf = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(32, least)))

/**
 * Every window of 16 bytes contains one whole gram of 8 that begins at a multiple of 8 of the text: only those are looked up, in a table of bits
 * that may say yes too often, and only around a yes is every window compared. So the cost hardly depends on how many forms there are.
 * @param forms unwrapped texts of at least 16 bytes
 * @throws RangeError when together they are longer than 8 MiB
 */
export const buildWindows = (forms: readonly Uint8Array[]): Windows => {
  const haystack = Buffer.concat(forms.flatMap((form) => [form, Buffer.of(border)]))
  if (haystack.length > 8 * 1024 * 1024) throw new RangeError('too many or too long secrets to mask')
  const bits = powerOf(haystack.length * 16)
  const grams = bitsOf(bits)
  /** Pieces of 1, 2 and 4 bytes, for what a text may end with. */
  const small = [bitsOf(2 ** 8), bitsOf(2 ** 16), bitsOf(bits)] as const
  const slots = powerOf(haystack.length * 2)
  const table = new Int32Array(slots).fill(-1)

  const slotOf = (text: Uint8Array, at: number, hash: number): number => {
    for (let slot = hash & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const place = table[slot] as number
      if (place === -1 || isSame(haystack, place, text, at)) return slot
    }
  }
  const isWindow = (text: Uint8Array, at: number): boolean => {
    const hash = windowHash(gramAt(text, at), gramAt(text, at + gramBytes))
    return table[slotOf(text, at, hash)] !== -1
  }

  let start = 0
  for (const form of forms) {
    const end = start + form.length
    const hashes = new Int32Array(form.length)
    for (let at = start; at < end; at++) {
      small[0].add(haystack[at] as number)
      if (at + 2 <= end) small[1].add(pairAt(haystack, at))
      if (at + 4 <= end) small[2].add(quadHash(haystack, at))
      if (at + gramBytes > end) continue
      const hash = gramAt(haystack, at)
      hashes[at - start] = hash
      grams.add(hash)
    }
    for (let at = start; at + windowBytes <= end; at++) {
      const hash = windowHash(hashes[at - start] as number, hashes[at - start + gramBytes] as number)
      table[slotOf(haystack, at, hash)] = at
    }
    start = end + 1
  }

  return {
    find(text, length, found) {
      const words = new Int32Array(text.buffer, text.byteOffset, length >> 2)
      for (let at = 0; at + gramBytes <= length; at += gramBytes) {
        if (!grams.has(gramHash(words[at >> 2] as number, words[(at >> 2) + 1] as number))) continue
        const last = Math.min(at, length - windowBytes)
        for (let from = Math.max(0, at - gramBytes); from <= last; from++) if (isWindow(text, from)) found(from)
      }
    },
    partial(text, length) {
      const goesOn = (at: number): boolean => {
        const count = length - at
        if (count >= gramBytes) return grams.has(gramAt(text, at))
        if (count >= 4) return small[2].has(quadHash(text, at))
        return count >= 2 ? small[1].has(pairAt(text, at)) : small[0].has(text[at] as number)
      }
      let held = 0
      while (held < windowBytes - 1 && held < length && goesOn(length - held - 1)) held++
      return held
    },
  }
}
