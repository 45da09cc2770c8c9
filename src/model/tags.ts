import { z } from 'zod'
import { tagSchema } from './target.ts'

/** Which targets are meant, by their tags. */
export type TagExpression =
  | { readonly type: 'tag'; readonly tag: string }
  | { readonly type: 'not'; readonly of: TagExpression }
  | { readonly type: 'and' | 'or'; readonly all: readonly TagExpression[] }

/** What came of reading one: where it is wrong, `column` counts from 1. */
export type ReadTags =
  | { readonly ok: true; readonly expression: TagExpression }
  | { readonly ok: false; readonly column: number; readonly message: string }

interface Token {
  readonly text: string
  readonly column: number
}

/** Deeper nesting is no longer anything that a person wrote. */
const deepest = 50
const words: readonly string[] = ['and', 'or', 'not']

class Wrong extends Error {
  readonly column: number

  constructor(column: number, message: string) {
    super(message)
    this.column = column
  }
}

const isTag = (word: string): boolean => tagSchema.safeParse(word).success

const tokensOf = (text: string): Token[] =>
  [...text.matchAll(/[()]|[^\s()]+/g)].map((found) => ({ text: found[0], column: found.index + 1 }))

/**
 * Reads a tag expression: `env=prod and (region=eu or region=us) and not legacy`. `not` binds closest, then `and`, then `or`.
 * A single tag is one too.
 */
export const readTags = (text: string): ReadTags => {
  const tokens = tokensOf(text)
  let at = 0
  const columnHere = (): number => tokens[at]?.column ?? text.length + 1
  const takes = (word: string): boolean => {
    if (tokens[at]?.text !== word) return false
    at++
    return true
  }
  const one = (depth: number): TagExpression => {
    const token = tokens[at]
    if (depth > deepest) throw new Wrong(columnHere(), `this is nested more than ${deepest} deep`)
    if (token === undefined) throw new Wrong(columnHere(), 'a tag is missing here')
    if (takes('not')) return { type: 'not', of: one(depth + 1) }
    if (takes('(')) {
      const inner = either(depth + 1)
      if (!takes(')')) throw new Wrong(columnHere(), 'a closing parenthesis is missing here')
      return inner
    }
    if (token.text === ')' || words.includes(token.text)) throw new Wrong(token.column, `a tag is missing before "${token.text}"`)
    if (!isTag(token.text)) throw new Wrong(token.column, `"${token.text}" is no tag: use letters, digits and . _ / = -`)
    at++
    return { type: 'tag', tag: token.text }
  }
  const several = (type: 'and' | 'or', next: (depth: number) => TagExpression, depth: number): TagExpression => {
    const first = next(depth)
    const all = [first]
    while (takes(type)) all.push(next(depth))
    return all.length === 1 ? first : { type, all }
  }
  const both = (depth: number): TagExpression => several('and', one, depth)
  const either = (depth: number): TagExpression => several('or', both, depth)
  try {
    const expression = either(0)
    if (at < tokens.length) throw new Wrong(columnHere(), `"${tokens[at]?.text}" does not go on from what is before it: write and or or`)
    return { ok: true, expression }
  } catch (thrown) {
    if (thrown instanceof Wrong) return { ok: false, column: thrown.column, message: thrown.message }
    throw thrown
  }
}

/** Whether these tags are meant. */
export const hasTags = (expression: TagExpression, tags: readonly string[]): boolean => {
  switch (expression.type) {
    case 'tag':
      return tags.includes(expression.tag)
    case 'not':
      return !hasTags(expression.of, tags)
    case 'and':
      return expression.all.every((one) => hasTags(one, tags))
    case 'or':
      return expression.all.some((one) => hasTags(one, tags))
  }
}

/** Whether the tags are meant by an expression as it is written; one that cannot be read means nobody. */
export const matchesTags = (text: string, tags: readonly string[]): boolean => {
  const read = readTags(text)
  return read.ok && hasTags(read.expression, tags)
}

/** The form of a tag expression; the message says at which column it is wrong. */
export const tagExpressionSchema: z.ZodType<string, string> = z
  .string()
  .min(1)
  .max(1000)
  .check(({ value, issues }) => {
    const read = readTags(value)
    if (!read.ok) issues.push({ code: 'custom', input: value, message: `column ${read.column}: ${read.message}` })
  })
