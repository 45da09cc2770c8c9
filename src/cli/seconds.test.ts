import { expect, test } from 'vitest'
import { seconds } from './seconds.ts'

test.each([
  ['90', 90],
  ['90s', 90],
  ['10m', 600],
  ['1h', 3600],
  ['1.5h', 5400],
  ['1h30m', 5400],
  ['2m5s', 125],
])('%s is %i seconds', (text, expected) => {
  expect(seconds(text, '--deadline')).toBe(expected)
})

test.each(['', '0', '0s', '-1m', '1d', 'm', '1m1h', '1 m', 'ten', '1.5', '0.1s'])('"%s" is no duration', (text) => {
  expect(() => seconds(text, '--deadline')).toThrow(/--deadline/)
})

test('nothing is a time where a flag takes it', () => {
  expect(seconds('0', '--settle', 0)).toBe(0)
  expect(() => seconds('', '--settle', 0)).toThrow(/--settle/)
})
