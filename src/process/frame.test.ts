import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frameOf } from './frame.ts'

const text = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`).join('\n')

test('shows two lines around, and a caret below the place', () => {
  expect(frameOf(text, { line: 9, column: 6 })).toEqual([
    '   7 | line 7',
    '   8 | line 8',
    '>  9 | line 9',
    '     |      ^',
    '  10 | line 10',
    '  11 | line 11',
  ])
})

test('at the ends shows what there is', () => {
  expect(frameOf(`${text}\n`, { line: 12, column: 1 })).toEqual(['  10 | line 10', '  11 | line 11', '> 12 | line 12', '     | ^'])
  expect(frameOf('only', { line: 1, column: 5 })).toEqual(['> 1 | only', '    |     ^'])
  expect(frameOf('', { line: 1, column: 1 })).toEqual([])
  expect(frameOf('a\r\nb\r\n', { line: 2, column: 1 })).toEqual(['  1 | a', '> 2 | b', '    | ^'])
})

test('shows nothing that a terminal would obey', () => {
  expect(frameOf('\u001b[2Ja\tb\u202ec', { line: 1, column: 6 })).toEqual(['>  1 |  [2Ja b c'.replace('>  1', '> 1'), '    |      ^'])
})

test('cuts long lines around the place', () => {
  const [row = '', caret = ''] = frameOf(`${'a'.repeat(500)}X${'b'.repeat(500)}`, { line: 1, column: 501 })
  expect(row.length).toBeLessThan(140)
  expect(row[caret.indexOf('^')]).toBe('X')
  expect(row).toMatch(/…a+Xb+…$/)
})

test('the caret stands below its character, wherever it is', () => {
  fc.assert(
    fc.property(fc.nat(400), fc.nat(400), (before, after) => {
      const [row = '', caret = ''] = frameOf(`${'a'.repeat(before)}X${'b'.repeat(after)}`, { line: 1, column: before + 1 })
      expect(row[caret.indexOf('^')]).toBe('X')
    }),
  )
})
