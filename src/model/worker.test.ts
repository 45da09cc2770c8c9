import { expect, test } from 'vitest'
import { isOlderVersion } from './worker.ts'

test.each([
  ['0.9.0', '0.10.0', true],
  ['0.10.0', '0.9.9', false],
  ['1.2.3', '1.2.3', false],
  ['1.2', '1.2.1', true],
  ['2.0.0', '1.9.9', false],
  ['1.2.3-rc.1', '1.2.3', false],
  ['1.0.0', 'unknown', false],
])('%s comes before %s: %s', (version, than, older) => {
  expect(isOlderVersion(version, than)).toBe(older)
})
