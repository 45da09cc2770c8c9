import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Cron, isTimeZone, readCron } from './cron.ts'

const cron = (text: string, zone = 'UTC'): Cron => {
  const read = readCron(text, zone)
  if (typeof read === 'string') throw new Error(read)
  return read
}
const at = (text: string): number => Date.parse(text)

describe('a cron expression', () => {
  test.each([
    ['* * * * *', '2026-11-24T11:05:00Z', true],
    ['5 11 * * *', '2026-11-24T11:05:59Z', true],
    ['5 11 * * *', '2026-11-24T11:06:00Z', false],
    ['* 8-17 * * mon-fri', '2026-11-24T17:59:00Z', true],
    ['* 8-17 * * mon-fri', '2026-11-24T18:00:00Z', false],
    ['* 8-17 * * mon-fri', '2026-11-22T12:00:00Z', false],
    ['*/15 * * * *', '2026-11-24T11:30:00Z', true],
    ['*/15 * * * *', '2026-11-24T11:31:00Z', false],
    ['10-20/5 * * * *', '2026-11-24T11:15:00Z', true],
    ['50/5 * * * *', '2026-11-24T11:55:00Z', true],
    ['0,30 * * jan,NOV *', '2026-11-24T11:30:00Z', true],
    ['* * * * 7', '2026-11-22T12:00:00Z', true],
    ['* * * * 0', '2026-11-22T12:00:00Z', true],
    ['* * * * 5-7', '2026-11-22T12:00:00Z', true],
    // Both days given: one of them is enough.
    ['* * 1 * tue', '2026-11-24T12:00:00Z', true],
    ['* * 24 * mon', '2026-11-24T12:00:00Z', true],
    ['* * 1 * mon', '2026-11-24T12:00:00Z', false],
    ['* * */2 * mon', '2026-11-24T12:00:00Z', false],
  ])('%s at %s: %s', (text, moment, expected) => {
    expect(cron(text).matches(at(moment))).toBe(expected)
  })

  test('keeps the wall clock of its zone over a change to winter time', () => {
    const eight = cron('0 8 * * *', 'Europe/Berlin')
    expect(eight.matches(at('2026-10-24T06:00:00Z'))).toBe(true)
    expect(eight.matches(at('2026-10-26T07:00:00Z'))).toBe(true)
    expect(eight.matches(at('2026-10-26T06:00:00Z'))).toBe(false)
  })

  test.each([
    ['', 'give five fields'],
    ['* * * *', 'give five fields'],
    ['60 * * * *', '60 is no minute'],
    ['* 24 * * *', '24 is no hour'],
    ['* * 0 * *', '0 is no day of the month'],
    ['* * * foo *', 'foo is no month'],
    ['* * * * 8', '8 is no day of the week'],
    ['5-1 * * * *', '5-1 is no minute'],
    ['*/0 * * * *', '*/0 is no minute'],
    ['1,,2 * * * *', 'an empty part is no minute'],
    ['1-2-3 * * * *', '1-2-3 is no minute'],
  ])('%s is refused: %s', (text, problem) => {
    expect(readCron(text, 'UTC')).toContain(problem)
  })

  test('an unknown zone is refused', () => {
    expect(readCron('* * * * *', 'Mars/Olympus')).toContain('Mars/Olympus is no time zone')
    expect(isTimeZone('Europe/Berlin')).toBe(true)
  })

  test('any text is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['string', 'object']).toContain(typeof readCron(text, 'UTC'))
      }),
    )
  })

  test('a minute and an hour by number hold once a day', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 23 }), (minute, hour) => {
        const read = cron(`${minute} ${hour} * * *`)
        const day = at('2026-03-01T00:00:00Z')
        const held = Array.from({ length: 1440 }, (_, index) => day + index * 60_000).filter((moment) => read.matches(moment))
        expect(held).toEqual([day + (hour * 60 + minute) * 60_000])
      }),
      { numRuns: 5 },
    )
  })
})
