import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { age, cutTo, quoted, safe, span, widthOf } from './text.ts'

test('text from elsewhere cannot do anything to a terminal', () => {
  const dangerous =
    '\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \x1b[2J\x1b[1;1H \x1b]0;title\x07 \r over \x07 \u202e abc \x9b31m'
  const shown = safe(dangerous)
  expect(shown).toContain('red')
  expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(safe(text)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/)
    }),
  )
})

test('width counts columns, and cutting keeps within them', () => {
  expect([widthOf('abc'), widthOf('日本'), widthOf('🚀')]).toEqual([3, 4, 2])
  expect([cutTo('abcdef', 6), cutTo('abcdef', 5), cutTo('日本語', 4), cutTo('abc', 0)]).toEqual(['abcdef', 'abcd…', '日…', ''])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => widthOf(cutTo(text, columns)) <= Math.max(columns, 0)),
  )
})

test.each([
  [0, '0.0s'],
  [9940, '9.9s'],
  [9960, '10s'],
  [59_400, '59s'],
  [59_600, '1m00s'],
  [119_600, '2m00s'],
  [3_599_600, '1h00m'],
  [7_500_000, '2h05m'],
  [90_000_000, '1d1h'],
  [-5, '0.0s'],
])('%i ms is %s', (ms, text) => {
  expect(span(ms)).toBe(text)
})

test('ages read as people say them', () => {
  const now = 10_000_000_000
  expect([1, 119, 600, 7100, 90_000, 400_000].map((seconds) => age(now - seconds * 1000, now))).toEqual([
    '1s',
    '119s',
    '10m',
    '118m',
    '25h',
    '5d',
  ])
})

test.each([
  ['plain-word', 'plain-word'],
  ['env=prod,x', 'env=prod,x'],
  ['=ls', "'=ls'"],
  ['two words', "'two words'"],
  ["it's", "'it'\\''s'"],
  ['$(x) `y`', "'$(x) `y`'"],
  ['', "''"],
])('%j is quoted so that a shell reads it as it is', (text, expected) => {
  expect(quoted(text)).toBe(expected)
  expect(spawnSync('sh', ['-c', `printf %s ${quoted(text)}`], { encoding: 'utf8' }).stdout).toBe(text)
})
