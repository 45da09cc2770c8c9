import { expect, test } from 'vitest'
import { agreedVersion, type Spoken } from './version.ts'

const range = (oldest: number, version: number): Spoken => ({ oldest, version })

test.each<readonly [string, Spoken, Spoken, number]>([
  ['the same', range(1, 1), range(1, 1), 1],
  ['an older shim', range(1, 1), range(1, 2), 1],
  ['a newer shim', range(1, 2), range(1, 1), 1],
  ['both of several', range(2, 4), range(1, 3), 3],
  ['a shim that says one alone', { version: 2 }, range(1, 3), 2],
])('%s: the newest that both speak', (_, shim, own, agreed) => {
  expect(agreedVersion(shim, own)).toBe(agreed)
})

test.each<readonly [string, Spoken, Spoken, string]>([
  [
    'older',
    range(1, 1),
    range(2, 3),
    'the shim speaks version 1 of the tether, this worker versions 2 to 3: the shim is too old for the worker',
  ],
  [
    'newer',
    range(3, 4),
    range(1, 2),
    'the shim speaks versions 3 to 4 of the tether, this worker versions 1 to 2: the worker is too old for the shim',
  ],
  ['newer, and says one alone', { version: 9 }, range(1, 1), 'the shim speaks version 9 of the tether, this worker version 1'],
])('a shim that is too much %s is refused, and both versions are named', (_, shim, own, message) => {
  expect(() => agreedVersion(shim, own)).toThrow(
    expect.objectContaining({ code: 'tether_version', message: expect.stringContaining(message) }),
  )
})
