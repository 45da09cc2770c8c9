import { expect, test } from 'vitest'
import { type ErrorCode, errorTable } from '../model/errors.ts'
import { exitOfError, exitOfResult } from './exit.ts'

test.each([
  ['server_unreachable', 3],
  ['unauthorized', 4],
  ['unknown_target', 5],
  ['unknown_deployment', 5],
  ['usage', 2],
  ['invalid_input', 2],
  ['package_missing', 2],
  ['redis_unreachable', 1],
  ['internal', 1],
] as const)('%s ends with %i', (code, expected) => {
  expect(exitOfError(code)).toBe(expected)
})

test('no error ends like a deployment or like success', () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) expect([1, 2, 3, 4, 5], code).toContain(exitOfError(code))
})

test('a deployment ends with 0, 10 or 11', () => {
  expect((['success', 'skip', 'failure', 'error', 'timeout', 'cancellation'] as const).map(exitOfResult)).toEqual([0, 0, 10, 10, 10, 11])
})
