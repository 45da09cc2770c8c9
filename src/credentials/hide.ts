import type { Secret } from '../model/secret.ts'
import { createMasker, type MaskRules, maskRules } from './mask.ts'
import { hideTokens } from './tokens.ts'

/** Words of closed lists, and ids: a secret that happens to be one of them must not change what happened. */
const closed = new Set(['status', 'code', 'class', 'outcome', 'verb', 'kind', 'rule', 'group', 'version', 'resource', 'subresource', 'uid'])

/** Which object is meant: what is hidden in texts alone stays there. */
const names = new Set(['name', 'namespace'])

/** Hides secrets in texts that are whole: sentences, events, errors. A stream has a masker (mask.ts). */
export interface Hide {
  text(text: string): string
  /** The same value with every text in it hidden, but for words of closed lists. */
  deep<T>(value: T): T
  /** The same error: its message, its stack and those of its causes. */
  error(thrown: unknown): unknown
}

/** The rules for secrets that are asked for each time, since a renewed token is another one. */
const rulesFor = (secrets: () => readonly Secret[]): (() => MaskRules) => {
  let known: { readonly secrets: readonly Secret[]; readonly rules: MaskRules } = { secrets: [], rules: maskRules([]) }
  return () => {
    const now = secrets()
    if (now.length !== known.secrets.length || now.some((secret, index) => secret !== known.secrets[index]))
      known = { secrets: [...now], rules: maskRules(now) }
    return known.rules
  }
}

const hiding =
  (rules: () => MaskRules) =>
  (given: string): string => {
    const masker = createMasker(rules())
    const parts = [masker.push(Buffer.from(given)), masker.flush()]
    return hideTokens(Buffer.concat(parts).toString('utf8'))
  }

/**
 * @param secrets what must not be seen, as it is now
 * @param inTexts what must not be seen in texts: where it is the name of an object, that stays
 */
export const createHide = (secrets: () => readonly Secret[], inTexts: () => readonly Secret[] = () => []): Hide => {
  const name = hiding(rulesFor(secrets))
  const text = hiding(rulesFor(() => [...secrets(), ...inTexts()]))
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(deep)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => {
        if (typeof inner !== 'string' || !(closed.has(key) || names.has(key))) return [key, deep(inner)]
        return [key, closed.has(key) ? inner : name(inner)]
      }),
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
