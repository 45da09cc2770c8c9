import { expect, test } from 'vitest'
import { createPalette, wantsColor } from './color.ts'

test.each([
  ['auto', true, {}, true],
  ['auto', false, {}, false],
  ['auto', true, { NO_COLOR: '1' }, false],
  ['auto', true, { NO_COLOR: '' }, true],
  ['auto', true, { TERM: 'dumb' }, false],
  ['auto', true, { CLICOLOR: '0' }, false],
  ['auto', false, { FORCE_COLOR: '1' }, true],
  ['auto', true, { FORCE_COLOR: '0' }, false],
  ['auto', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ['always', false, { NO_COLOR: '1' }, true],
  ['never', true, { FORCE_COLOR: '1' }, false],
] as const)('--color %s, terminal %s, %o: %s', (mode, isTTY, env, expected) => {
  expect(wantsColor(mode, isTTY, env)).toBe(expected)
})

test('a palette paints or leaves alone', () => {
  expect(createPalette(false).red('x')).toBe('x')
  expect(createPalette(true).red('x')).toBe('\x1b[31mx\x1b[39m')
})
