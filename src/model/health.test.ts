import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import type { CheckLine, CheckReport } from './check.ts'
import { dueAfter, dueTargets, type HealthRecord, type HealthSettings, healthOf, intervalOf, shownHealth } from './health.ts'

const minute = 60_000
const settings: HealthSettings = { everyMs: 5 * minute, perMinute: 3 }
const line = (rung: CheckLine['rung'], status: CheckLine['status'], fix?: string): CheckLine => ({
  rung,
  subject: 'api',
  status,
  ms: 1,
  message: `${rung} is ${status}`,
  ...(fix === undefined ? {} : { fix }),
})
const report = (at: number, ...lines: CheckLine[]): CheckReport => ({
  target: 'a',
  ok: lines.every(({ status }) => status !== 'failed'),
  at,
  worker: 'w1',
  lines,
})

test.each<[string, CheckLine[], object]>([
  ['all well', [line('dns', 'ok'), line('clock', 'ok')], { state: 'up', sentence: 'tried by worker w1: a deployment can run' }],
  [
    'something to mend',
    [line('expiry', 'warn', 'Renew it.')],
    { state: 'degraded', sentence: 'expiry api: expiry is warn', fix: 'Renew it.' },
  ],
  [
    'a right that is missing',
    [line('expiry', 'warn'), line('authorization', 'failed', 'Grant it.')],
    { state: 'degraded', fix: 'Grant it.' },
  ],
  [
    'no way there',
    [line('dns', 'ok'), line('tcp', 'failed', 'Open it.')],
    { state: 'down', sentence: 'tcp api: tcp is failed', fix: 'Open it.' },
  ],
  ['a credential that is refused', [line('authentication', 'failed')], { state: 'down' }],
])('%s', (_, lines, expected) => expect(healthOf(report(7, ...lines), undefined)).toMatchObject({ ...expected, since: 7, checkedAt: 7 }))

test('a state is said since when it is so, and anew when it changes', () => {
  const up = healthOf(report(1, line('dns', 'ok')), undefined)
  const still = healthOf(report(2, line('dns', 'ok')), up)
  expect([still.since, still.checkedAt]).toEqual([1, 2])
  expect(healthOf(report(3, line('dns', 'failed')), still)).toMatchObject({ state: 'down', since: 3 })
})

test('what was seen too long ago is not known any more', () => {
  const record: HealthRecord = { of: 1, askedAt: 0, dueAt: 0, health: healthOf(report(1000, line('dns', 'ok')), undefined) }
  expect(shownHealth(1, record, minute, 1000 + 5 * minute).state).toBe('up')
  expect(shownHealth(1, record, minute, 1001 + 5 * minute)).toMatchObject({
    state: 'unknown',
    since: 1000 + 5 * minute,
    sentence: expect.stringContaining('it was up then'),
    fix: expect.stringContaining('telpher worker list'),
  })
  expect(shownHealth(2, record, minute, 1001)).toMatchObject({ state: 'unknown', since: 2 })
  expect(shownHealth(5, undefined, minute, 9)).toMatchObject({ state: 'unknown', since: 5, sentence: 'not tried yet' })
})

test('the budget of a pool makes checks rarer, and chance parts them', () => {
  expect(intervalOf(settings, 3)).toBe(5 * minute)
  expect(intervalOf(settings, 60)).toBe(25 * minute)
  expect([dueAfter(0, 1000, 0), dueAfter(0, 1000, 0.5), dueAfter(0, 1000, 1)]).toEqual([800, 1000, 1200])
})

const names = (targets: readonly { name: string }[]): string[] => targets.map(({ name }) => name)
const record = (changes: Partial<HealthRecord>): HealthRecord => ({ of: 1_700_000_000_000, askedAt: -1e9, dueAt: 0, ...changes })

test('targets are tried when their time has come, the longest waiting first, where a worker lives', () => {
  const targets = [
    sampleTarget('late'),
    sampleTarget('later'),
    sampleTarget('soon'),
    sampleTarget('alone', { pool: 'empty' }),
    sampleTarget('new'),
  ]
  const records = new Map([
    ['late', record({ dueAt: 50 })],
    ['later', record({ dueAt: 90 })],
    ['soon', record({ dueAt: 101 })],
  ])
  expect(names(dueTargets(targets, records, new Set(['default']), settings, 100))).toEqual(['new', 'late', 'later'])
})

test('never two at a target at a time; one that nobody reported is asked for again', () => {
  const targets = [sampleTarget('a')]
  const at = (now: number): string[] =>
    names(dueTargets(targets, new Map([['a', record({ open: 'chk_1', askedAt: 1000 })]]), new Set(['default']), settings, now))
  expect([at(1000 + 2 * minute), at(1001 + 2 * minute)]).toEqual([[], ['a']])
})

test('no more of a pool than its budget in a minute; another pool has its own', () => {
  const targets = ['a', 'b', 'c', 'd'].map((name) => sampleTarget(name)).concat(sampleTarget('x', { pool: 'other' }))
  const alive = new Set(['default', 'other'])
  expect(names(dueTargets(targets, new Map(), alive, settings, 0))).toEqual(['a', 'b', 'c', 'x'])
  const asked = new Map(['a', 'b'].map((name) => [name, record({ askedAt: 1000, dueAt: 9e15 })]))
  expect(names(dueTargets(targets, asked, alive, settings, 1000 + minute - 1))).toEqual(['c', 'x'])
  expect(names(dueTargets(targets, asked, alive, settings, 1000 + minute))).toEqual(['c', 'd', 'x'])
})

test('another target of the same name begins anew', () => {
  const records = new Map([['a', record({ of: 1, dueAt: 9e15 })]])
  expect(names(dueTargets([sampleTarget('a')], records, new Set(['default']), settings, 0))).toEqual(['a'])
})
