import type { z } from 'zod'

type Issue = z.core.$ZodIssue

const wanted: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys and values',
  record: 'keys and values',
}

const nameOf = (value: unknown): string => {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return (
    { string: 'text', number: 'a number', boolean: 'true or false', object: 'keys and values' }[typeof value as string] ?? 'something else'
  )
}

const limitOf = (issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string => {
  const isLeast = issue.code === 'too_small'
  const limit = isLeast ? issue.minimum : issue.maximum
  if (isLeast && limit === 1 && issue.origin !== 'number') return 'this must not be empty'
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : ''
  return `give ${isLeast ? 'at least' : 'at most'} ${limit}${unit}`
}

/**
 * What an issue of zod says to a person.
 * @param value what stands at the issue's path
 * @param source how it is written there, when it is a single value
 */
export const sentenceOf = (issue: Issue, value: unknown, source: string | undefined): string => {
  const key = String(issue.path.at(-1) ?? 'the file')
  switch (issue.code) {
    case 'invalid_type': {
      if (value === undefined) return `${key} is missing`
      const isBare = issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')
      return `give ${wanted[issue.expected] ?? issue.expected} here, not ${isBare && source !== undefined ? `${source}: put it into quotes` : nameOf(value)}`
    }
    case 'invalid_value':
      return value === undefined
        ? `${key} is missing`
        : `use ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
    case 'too_small':
    case 'too_big':
      return limitOf(issue)
    case 'invalid_key':
      return issue.issues[0] === undefined ? issue.message : sentenceOf(issue.issues[0], key, undefined)
    default:
      return issue.message
  }
}
