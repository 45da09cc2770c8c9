import { expect, test } from 'vitest'
import { createAuthority } from '../sandbox/kubernetes/pki.ts'
import { alarmOf, authoritiesIn, type Expiring, expiryLines } from './expiry.ts'

const day = 86_400_000
const thing = (days: number, changes: Partial<Expiring> = {}): Expiring => ({
  what: 'thing',
  expiresAt: days * day,
  vital: true,
  fix: 'Renew it.',
  ...changes,
})

test.each([
  [31, undefined],
  [30, 30],
  [8, 30],
  [7, 7],
  [1.5, 7],
  [1, 1],
  [0.1, 1],
  [0, 0],
  [-1, 0],
])('with %d days left the alarm is %s', (days, alarm) => expect(alarmOf(thing(days), 0)).toBe(alarm))

test('what lives for days only alarms when a third of its life is left at most', () => {
  const ofDays = (life: number, left: number): number | undefined => alarmOf({ expiresAt: left * day, from: (left - life) * day }, 0)
  expect([ofDays(7, 6), ofDays(7, 1), ofDays(1, 0.5), ofDays(90, 30), ofDays(60, 30), ofDays(60, 7)]).toEqual([
    undefined,
    1,
    undefined,
    30,
    undefined,
    7,
  ])
})

test('each thing that ends soon has its line and its remedy; one line says that none does', () => {
  expect(expiryLines([thing(6.5), thing(-1), thing(-2, { vital: false, what: 'old' }), thing(400)], 0)).toMatchObject([
    { rung: 'expiry', status: 'warn', message: 'expires in 6 days, at 1970-01-07T12:00:00.000Z (alarm at 7 days)', fix: 'Renew it.' },
    { status: 'failed', message: 'expired at 1969-12-31T00:00:00.000Z' },
    { subject: 'old', status: 'warn' },
  ])
  expect(expiryLines([thing(400), thing(300, { what: 'first' })], 0)).toMatchObject([
    { status: 'ok', message: expect.stringContaining('first is first') },
  ])
  expect(expiryLines([], 0)).toMatchObject([{ status: 'ok' }])
})

test('an authority that has expired does no harm while another one has not', () => {
  const past = createAuthority('old')
  const [only] = authoritiesIn(past.certPem)
  expect(only).toMatchObject({ what: 'authority CN=old', vital: true })
  expect(authoritiesIn(`${past.certPem}${createAuthority('next').certPem}`).map(({ vital }) => vital)).toEqual([false, false])
})
