/** A machine that finds all of several byte strings in one pass (Aho and Corasick, 1975), as dense tables. */
export interface Automaton {
  /** Next state by `state * classes + classOf[byte]`. */
  readonly next: Int32Array
  /** Bytes that occur in no string share class 0. */
  readonly classOf: Uint8Array
  readonly classes: number
  /** 1 for the bytes that a string begins with: at all others the first state stays as it is. */
  readonly begins: Uint8Array
  /** How many bytes of a string a state stands for: what may still become a match. */
  readonly depth: Int32Array
  /** Length of the longest string that ends in a state; 0 for none. */
  readonly match: Int32Array
}

const classesOf = (patterns: readonly Uint8Array[]): { classOf: Uint8Array; classes: number } => {
  const classOf = new Uint8Array(256)
  let classes = 1
  for (const pattern of patterns)
    for (const byte of pattern) {
      if (classOf[byte] !== 0) continue
      // 255 classes beside the rest are enough only when a byte is left over; with all 256 in use the last shares class 0 safely, by having no transitions.
      classOf[byte] = classes++ & 0xff
    }
  return { classOf, classes }
}

/**
 * @param patterns none of them empty
 * @throws RangeError when together they are too long for a table of 64 MiB
 */
export const buildAutomaton = (patterns: readonly Uint8Array[]): Automaton => {
  const { classOf, classes } = classesOf(patterns)
  const states = 1 + patterns.reduce((sum, pattern) => sum + pattern.length, 0)
  if (states * classes > 16 * 1024 * 1024) throw new RangeError('too many or too long secrets to mask')
  const next = new Int32Array(states * classes).fill(-1)
  const depth = new Int32Array(states)
  const match = new Int32Array(states)
  let count = 1
  for (const pattern of patterns) {
    let state = 0
    for (const byte of pattern) {
      const at = state * classes + (classOf[byte] ?? 0)
      if (next[at] === -1) {
        depth[count] = (depth[state] ?? 0) + 1
        next[at] = count++
      }
      state = next[at] ?? 0
    }
    match[state] = pattern.length
  }
  link(next, match, classes, count)
  const begins = Uint8Array.from(classOf, (one) => (next[one] === 0 ? 0 : 1))
  return { next: next.slice(0, count * classes), classOf, classes, begins, depth: depth.slice(0, count), match: match.slice(0, count) }
}

/** Fills the missing transitions with those of the longest border, breadth first. */
const link = (next: Int32Array, match: Int32Array, classes: number, count: number): void => {
  const fail = new Int32Array(count)
  const queue: number[] = []
  for (let c = 0; c < classes; c++) {
    const child = next[c] ?? -1
    if (child === -1) next[c] = 0
    else queue.push(child)
  }
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head] ?? 0
    const border = fail[state] ?? 0
    match[state] = Math.max(match[state] ?? 0, match[border] ?? 0)
    for (let c = 0; c < classes; c++) {
      const at = state * classes + c
      const child = next[at] ?? -1
      const other = next[border * classes + c] ?? 0
      if (child === -1) next[at] = other
      else {
        fail[child] = other
        queue.push(child)
      }
    }
  }
}
