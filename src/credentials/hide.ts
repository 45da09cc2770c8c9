import type { Secret } from '../model/secret.ts'
import { formsOf } from './encodings.ts'

const stars = Buffer.from('********')

/** Words of closed lists, and ids: a secret that happens to be one of them must not change what happened. */
const closed = new Set(['status', 'code', 'class', 'outcome', 'verb', 'kind', 'rule', 'group', 'version', 'resource', 'subresource', 'uid'])

/** Hides secrets in texts that are whole: sentences, events, errors. A stream has a masker (mask.ts). */
export interface Hide {
  text(text: string): string
  /** The same value with every text in it hidden, but for words of closed lists. */
  deep<T>(value: T): T
  /** The same error: its message, its stack and those of its causes. */
  error(thrown: unknown): unknown
}

const hideIn = (text: string, forms: readonly Buffer[]): string => {
  const bytes = Buffer.from(text)
  const marks = new Uint8Array(bytes.length)
  let isHidden = false
  for (const form of forms)
    for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) {
      marks.fill(1, at, at + form.length)
      isHidden = true
    }
  if (!isHidden) return text
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const hidden = marks[at] === 1
    let to = at + 1
    while (to < bytes.length && (marks[to] === 1) === hidden) to++
    parts.push(hidden ? stars : bytes.subarray(at, to))
    at = to
  }
  return Buffer.concat(parts).toString('utf8')
}

/**
 * @param secrets what must not be seen, as it is now: asked for each time, since a renewed token is another one
 */
export const createHide = (secrets: () => readonly Secret[]): Hide => {
  const known = new Map<Secret, readonly Buffer[]>()
  const forms = (): Buffer[] =>
    secrets().flatMap((secret) => {
      const made = known.get(secret) ?? formsOf(secret.reveal())
      known.set(secret, made)
      return made
    })
  const text = (given: string): string => hideIn(given, forms())
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(deep)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, closed.has(key) && typeof inner === 'string' ? inner : deep(inner)]),
    )
  }
  const error = (thrown: unknown, depth = 0): unknown => {
    if (!(thrown instanceof Error) || depth > 8) return typeof thrown === 'string' ? text(thrown) : thrown
    thrown.message = text(thrown.message)
    if (thrown.stack !== undefined) thrown.stack = text(thrown.stack)
    if (thrown.cause !== undefined) thrown.cause = error(thrown.cause, depth + 1)
    return thrown
  }
  return { text, deep: <T>(value: T): T => deep(value) as T, error }
}
