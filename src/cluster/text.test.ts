import { expect, test } from 'vitest'
import { harmless } from './text.ts'

test('colours, cursor moves, titles and links are taken out', () => {
  expect(harmless('\x1b[31mboom\x1b[0m \x1b[2J\x1b]0;title\x07x\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\')).toBe('boom xlink')
})

test('what remains of control characters is seen as such, tabs and line ends stay', () => {
  expect(harmless('a\rb\x00c\td\ne\x9bf\x1b')).toBe('a?b?c\td\ne?f?')
})

test('characters that turn the direction of writing are seen', () => {
  expect(harmless('safe\u202egpj.exe')).toBe('safe?gpj.exe')
})

test('long texts are cut, never inside a character', () => {
  expect(harmless('x'.repeat(2000))).toBe(`${'x'.repeat(1000)}…`)
  expect(harmless('ab😀', 3).isWellFormed()).toBe(true)
})
