import fc from 'fast-check'
import { expect, test } from 'vitest'
import { moment } from './moment.ts'

const now = Date.UTC(2026, 10, 23, 12)

test.each([
  ['2h', Date.UTC(2026, 10, 23, 10)],
  ['90', now - 90_000],
  ['3d', Date.UTC(2026, 10, 20, 12)],
  ['2026-11-23', Date.UTC(2026, 10, 23)],
  ['2026-11-23T14:30:00Z', Date.UTC(2026, 10, 23, 14, 30)],
  ['2026-11-23T14:30+02:00', Date.UTC(2026, 10, 23, 12, 30)],
])('%s is a time', (text, at) => {
  expect(moment(text, '--since', now)).toBe(at)
})

test.each(['', 'yesterday', '2026-13-01', '-1', '23.11.2026', '1969-01-01'])('"%s" is refused', (text) => {
  expect(() => moment(text, '--since', now)).toThrow('--since')
})

test('whatever is written is a time since the epoch or refused', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      let at = 0
      try {
        at = moment(text, '--since', now)
      } catch (thrown) {
        expect(String(thrown)).toContain('--since')
      }
      expect(at).toBeGreaterThanOrEqual(0)
    }),
  )
})
