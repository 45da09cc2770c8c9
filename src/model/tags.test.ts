import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasTags, readTags, type TagExpression } from './tags.ts'

const meant = (text: string, tags: readonly string[]): boolean => {
  const read = readTags(text)
  if (!read.ok) throw new Error(read.message)
  return hasTags(read.expression, tags)
}

const written = (expression: TagExpression): string => {
  switch (expression.type) {
    case 'tag':
      return expression.tag
    case 'not':
      return `not (${written(expression.of)})`
    default:
      return expression.all.map((one) => `(${written(one)})`).join(` ${expression.type} `)
  }
}

const { expression } = fc.letrec<{ expression: TagExpression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', 'env=prod').map((tag): TagExpression => ({ type: 'tag', tag })),
    tie('expression').map((of): TagExpression => ({ type: 'not', of })),
    fc
      .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('expression'), { minLength: 2, maxLength: 3 }))
      .map(([type, all]): TagExpression => ({ type, all })),
  ),
}))

describe('tag expressions', () => {
  test.each([
    ['env=prod', ['env=prod'], true],
    ['env=prod', ['env=prod2'], false],
    ['not legacy', [], true],
    ['a and b', ['a'], false],
    ['a or b and c', ['a'], true],
    ['(a or b) and c', ['a'], false],
    ['not a and b', ['b'], true],
    ['not (a and b)', ['a'], true],
    ['env=prod and (region=eu or region=us) and not legacy', ['env=prod', 'region=us'], true],
    ['env=prod and (region=eu or region=us) and not legacy', ['env=prod', 'region=us', 'legacy'], false],
  ])('%s of %j is %s', (text, tags, expected) => {
    expect(meant(text, tags)).toBe(expected)
  })
  test.each([
    ['', 1, 'a tag is missing here'],
    ['a and', 6, 'a tag is missing here'],
    ['a b', 3, '"b" does not go on from what is before it: write and or or'],
    ['(a or b', 8, 'a closing parenthesis is missing here'],
    ['a)', 2, '")" does not go on from what is before it: write and or or'],
    ['and a', 1, 'a tag is missing before "and"'],
    ['a or ()', 7, 'a tag is missing before ")"'],
    ['a && b', 3, '"&&" does not go on from what is before it: write and or or'],
    ['!a', 1, '"!a" is no tag: use letters, digits and . _ / = -'],
  ])('"%s" is refused at column %i', (text, column, message) => {
    expect(readTags(text)).toEqual({ ok: false, column, message })
  })
  test('what is written is read as it was meant', () => {
    fc.assert(
      fc.property(expression, fc.subarray(['a', 'b', 'env=prod']), (given, tags) => {
        expect(meant(written(given), tags)).toBe(hasTags(given, tags))
      }),
    )
  })
  test('any text is read or refused, with a column in it', () => {
    const word = fc.constantFrom('a', 'and', 'or', 'not', '(', ')', ' ', '\t', '&', '=', 'ä')
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (parts) => {
        const text = parts.join('')
        const read = readTags(text)
        if (read.ok) return
        expect(read.column).toBeGreaterThanOrEqual(1)
        expect(read.column).toBeLessThanOrEqual(text.length + 1)
      }),
    )
    expect(readTags('('.repeat(100_000))).toMatchObject({ ok: false, column: 52 })
  })
})
