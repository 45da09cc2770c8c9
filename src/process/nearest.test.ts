import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

const keys = ['name', 'apply', 'helm', 'namespace', 'deadline']
test.each([
  ['aply', 'apply'],
  ['NAME', 'name'],
  ['namespcae', 'namespace'],
  ['deadlines', 'deadline'],
  ['halm', 'helm'],
  ['timeout', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
])('%.20s is near to %s', (word, expected) => {
  expect(nearest(word, keys)).toBe(expected)
})
test('nothing is near where nothing is known', () => {
  expect(nearest('a', [])).toBeUndefined()
})
