import type { Secret } from '../model/secret.ts'
import { type Automaton, buildAutomaton } from './automaton.ts'
import { formsOf } from './encodings.ts'
import { type Gap, unwrap, unwrapped } from './unwrapped.ts'
import { buildWindows, type Windows, windowBytes } from './windows.ts'

const stars = Buffer.from('********')

/** Forms of this many bytes are found by pieces of theirs; shorter ones as a whole. */
const longForm = 24
/** A piece of a secret that is shorter tells little, and ordinary text often ends with one. */
const tellingBytes = 8

/** What is to be hidden, as tables that are made when they are first used: a token's take a millisecond, which no program should wait for. */
export interface MaskRules {
  /** Whole short forms. */
  readonly short: () => Automaton | undefined
  /** Pieces of long ones. */
  readonly long: () => Windows | undefined
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** @param secrets what must not be seen; using the rules throws a RangeError if they are too long together (fail closed) */
export const maskRules = (secrets: readonly Secret[]): MaskRules => {
  const forms = once(() => {
    const all = secrets.flatMap((secret) => formsOf(secret.reveal()))
    const bare = new Map(all.map((form) => [form, unwrapped(form)]))
    const isLong = (form: Buffer): boolean => (bare.get(form)?.length ?? 0) >= longForm
    return { long: all.filter(isLong).map((form) => bare.get(form) ?? form), short: all.filter((form) => !isLong(form)) }
  })
  return {
    short: once(() => (forms().short.length === 0 ? undefined : buildAutomaton(forms().short))),
    long: once(() => (forms().long.length === 0 ? undefined : buildWindows(forms().long))),
  }
}

/** Hides secrets in a stream of bytes, however it is cut into chunks. */
export interface Masker {
  /** Gives what can no longer be part of a secret; holds back only what may still become one. */
  push(chunk: Uint8Array): Uint8Array
  /** Nothing has come for a while: gives what is held back if it is too short to tell anything. */
  idle(): Uint8Array
  /** There is more to hide, or less, from the first byte on that is held back. */
  use(rules: MaskRules): void
  /** The end: gives what was held back; the beginning of a secret is hidden if it is long enough to tell something. */
  flush(): Uint8Array
}

const isLineEnd = (byte: number | undefined): boolean => byte === 10 || byte === 13

/**
 * Replaces every form of every secret with asterisks, and every piece of a long one, also where line ends and indentation part it (those stay).
 * What overlaps or touches becomes one; nothing is reordered.
 */
export const createMasker = (rules: MaskRules): Masker => {
  let { short, long } = rules
  let held = new Uint8Array(0)
  /** Which of the held bytes are known to be secret. */
  let marks = new Uint8Array(0)
  let inStars = false
  let state = 0
  /** The end of what was given, unwrapped: what is to come may go on with it. */
  let before = new Uint8Array(0)
  let between: Gap = 0

  const give = (bytes: Uint8Array, secret: Uint8Array, end: number): Uint8Array => {
    const first = secret.indexOf(1)
    if (first === -1 || first >= end) {
      if (end > 0) inStars = false
      return bytes.subarray(0, end)
    }
    const parts: Uint8Array[] = []
    for (let at = 0; at < end; ) {
      const hidden = secret[at] === 1
      let to = at + 1
      while (to < end && (secret[to] === 1) === hidden) to++
      if (!hidden) parts.push(bytes.subarray(at, to))
      else if (!inStars || at > 0) parts.push(stars)
      inStars = hidden
      at = to
    }
    return Buffer.concat(parts)
  }

  /** Goes on with the automaton from `from`. @returns how many bytes at the end may still become a short form */
  const findShort = (bytes: Uint8Array, from: number, mark: (from: number, to: number) => void): number => {
    const automaton = short()
    if (automaton === undefined) return 0
    const { next, classOf, classes, begins, depth, match } = automaton
    for (let at = from; at < bytes.length; at++) {
      // Most bytes begin nothing: they are passed over without a look at the table.
      if (state === 0) while (at < bytes.length && begins[bytes[at] as number] === 0) at++
      if (at === bytes.length) break
      state = next[state * classes + (classOf[bytes[at] as number] as number)] as number
      const length = match[state] as number
      if (length > 0) mark(Math.max(0, at + 1 - length), at + 1)
    }
    return depth[state] as number
  }

  /** @returns where the bytes begin that may still become a piece of a long form, and how the text is left that ends before `end` */
  const findLong = (bytes: Uint8Array, mark: (from: number, to: number) => void) => {
    const windows = long()
    if (windows === undefined) {
      before = new Uint8Array(0)
      between = 0
      return { from: bytes.length, forget: () => {} }
    }
    const text = unwrap(bytes, before, between)
    const past = before.length
    let done = past
    windows.find(text.bytes, text.length, (found) => {
      for (done = Math.max(found, done); done < found + windowBytes; done++) {
        const place = text.placeOf(done)
        mark(place, place + 1)
      }
    })
    const begins = text.length - windows.partial(text.bytes, text.length)
    return {
      from: begins === text.length ? bytes.length : begins < past ? 0 : text.placeOf(begins),
      /** What has to be known of everything before `end` once it has been given. */
      forget(end: number) {
        const until = text.until(end)
        between = until.between
        before = text.bytes.slice(Math.max(0, until.length - windowBytes + 1), until.length)
      },
    }
  }

  /** Looks at what is held and what comes after it. @param all whether everything is given, whatever it may become */
  const look = (chunk: Uint8Array, all = false): Uint8Array => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    // Most output has no secret: then nothing is marked, and nothing is made to mark it in.
    let secret = marks
    const mark = (from: number, to: number): void => {
      if (secret.length < bytes.length) {
        secret = new Uint8Array(bytes.length)
        secret.set(marks)
      }
      secret.fill(1, from, to)
    }
    const partial = findShort(bytes, held.length, mark)
    const { from, forget } = findLong(bytes, mark)
    const last = all ? bytes.length : Math.max(0, bytes.length - partial)
    let end = all ? last : Math.min(last, from)
    // What is hidden whatever comes, and the line ends after it, need not wait.
    while (end < last && (secret[end] === 1 || isLineEnd(bytes[end]))) end++
    const out = give(bytes, secret, end)
    forget(end)
    held = Uint8Array.from(bytes.subarray(end))
    marks = new Uint8Array(held.length)
    marks.set(secret.subarray(end))
    return out
  }
  const telling = (): boolean => held.length - held.filter((byte, at) => marks[at] === 1 || isLineEnd(byte)).length >= tellingBytes

  return {
    push: (chunk) => look(chunk),
    idle: () => (held.length === 0 || telling() ? new Uint8Array(0) : look(new Uint8Array(0), true)),
    use(next) {
      ;({ short, long } = next)
      state = 0
      findShort(held, 0, (from, to) => marks.fill(1, from, to))
    },
    flush() {
      if (telling()) marks = Uint8Array.from(held, (byte) => (isLineEnd(byte) ? 0 : 1))
      state = 0
      return look(new Uint8Array(0), true)
    },
  }
}
