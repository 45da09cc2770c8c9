import type { Secret } from '../model/secret.ts'
import { type Automaton, buildAutomaton } from './automaton.ts'
import { formsOf } from './encodings.ts'

const stars = Buffer.from('********')

/** Hides secrets in a stream of bytes, however it is cut into chunks. */
export interface Masker {
  /** Gives what can no longer be part of a secret; holds back only what may still become one. */
  push(chunk: Uint8Array): Uint8Array
  /** Gives what was held back. */
  flush(): Uint8Array
}

/**
 * Replaces every form of every secret with asterisks: overlapping ones as one, nothing is reordered.
 * @param secrets what must not be seen
 * @returns throws a RangeError when it is used, if they are too long together (fail closed: nothing is let through)
 */
export const createMasker = (secrets: readonly Secret[]): Masker => maskersOf(secrets)()

/**
 * Maskers of the same secrets for several streams. Their table is made once, when the first of them is given something: a token's takes
 * some milliseconds, which nobody should wait for before a program starts.
 * @param secrets what must not be seen
 * @returns makes one for a stream; it throws a RangeError when it is first used, if the secrets are too long together
 */
export const maskersOf = (secrets: readonly Secret[]): (() => Masker) => {
  const patterns = secrets.flatMap((secret) => formsOf(secret.reveal()))
  if (patterns.length === 0) return () => ({ push: (chunk) => chunk, flush: () => Buffer.alloc(0) })
  let built: Automaton | undefined
  return () =>
    maskerOf(() => {
      built ??= buildAutomaton(patterns)
      return built
    })
}

const maskerOf = (automaton: () => Automaton): Masker => {
  let state = 0
  let held = Buffer.alloc(0)
  /** How many of the held bytes, from the first, are known to be secret, as marks. */
  let marks = new Uint8Array(0)
  let inStars = false

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

  return {
    push(chunk) {
      const { next, classOf, classes, begins, depth, match } = automaton()
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      // Most output has no secret: then nothing is marked, and nothing is made to mark it in.
      let secret = marks
      for (let at = held.length; at < bytes.length; at++) {
        // Most bytes begin nothing: they are passed over without a look at the table.
        if (state === 0) while (at < bytes.length && begins[bytes[at] as number] === 0) at++
        if (at === bytes.length) break
        state = next[state * classes + (classOf[bytes[at] as number] as number)] as number
        const length = match[state] as number
        if (length === 0) continue
        if (secret.length < bytes.length) {
          secret = new Uint8Array(bytes.length)
          secret.set(marks)
        }
        secret.fill(1, at + 1 - length, at + 1)
      }
      const end = bytes.length - (depth[state] as number)
      const out = give(bytes, secret, end)
      held = Buffer.from(bytes.subarray(end))
      const left = secret.subarray(end)
      marks = new Uint8Array(held.length)
      marks.set(left)
      return out
    },
    flush() {
      const out = give(held, marks, held.length)
      held = Buffer.alloc(0)
      marks = new Uint8Array(0)
      state = 0
      return out
    },
  }
}
