import { expect, test } from 'vitest'
import type { Detail } from '../client/http.ts'
import { createPalette } from './color.ts'
import { endText } from './ending.ts'

const plain = createPalette(false)
const job = (target: string, changes: object): object => ({
  jobId: `job_${target}`,
  step: { name: 'web' },
  target,
  startedAt: 1000,
  endedAt: 13_000,
  ...changes,
})
const good = (target: string): object =>
  job(target, { status: 'succeeded', end: { status: 'succeeded', sentence: '3 objects are current' } })
const detail = (result: string, jobs: object[]): Detail =>
  ({ deployment: { id: 'dep_1', state: 'finished', result, createdAt: 0, endedAt: 14_200 }, jobs }) as unknown as Detail

test('a success is one line a job', () => {
  expect(endText(detail('success', [good('eu')]), plain)).toBe('dep_1  success in 14s\n✓ web → eu: 3 objects are current\n')
})

test('a failure says its cause, the chain, the last lines of the container, and the next command', () => {
  const failure = {
    class: 'crash_loop',
    sentence: 'container app crashes',
    chain: [
      { kind: 'Deployment', name: 'web', message: '0 of 1 available' },
      { kind: 'ReplicaSet', name: 'web-1', message: '0 of 1' },
      { kind: 'Pod', name: 'web-1-x', message: 'CrashLoopBackOff\x1b[2J' },
    ],
    lastLines: ['starting', 'panic: no config'],
  }
  const failed = job('eu', {
    status: 'failed',
    failure,
    end: { status: 'failed', sentence: 'container app crashes', code: 'verify_failed' },
  })
  expect(endText(detail('failure', [failed]), plain)).toMatchInlineSnapshot(`
    "dep_1  failure in 14s
    ✗ web → eu  failed after 12s: container app crashes
      because:
        Deployment web: 0 of 1 available
        └ ReplicaSet web-1: 0 of 1
          └ Pod web-1-x: CrashLoopBackOff
      last lines of the container:
        starting
        panic: no config
      TEL-1604 verify_failed: See the chain of causes and the last lines of the container.
    next: telpher logs dep_1
    "
  `)
})

test('without a container the last lines are those of the log, at most twenty', () => {
  const end = { status: 'failed', sentence: 'helm failed', code: 'helm_failed' }
  const seen = (): string[] => Array.from({ length: 40 }, (_, at) => `line ${at}`)
  const text = endText(detail('failure', [job('eu', { status: 'failed', end }), good('us')]), plain, seen)
  expect(text.match(/line \d+/g)).toEqual(Array.from({ length: 20 }, (_, at) => `line ${at + 20}`))
  expect(text).toContain('next: telpher logs dep_1 --job job_eu\n')
})

test('many successes and skips are counted', () => {
  const skipped = job('z', { status: 'skipped', end: { status: 'skipped', sentence: 'the step before failed' } })
  const text = endText(detail('success', [...Array.from({ length: 12 }, (_, at) => good(`t${at}`)), skipped, skipped]), plain)
  expect(text.split('\n').slice(11)).toEqual(['✓ web → t9: 3 objects are current', '✓ and 2 more', '– 2 skipped', ''])
})

test('of two hundred targets the counts are told, the first failures in full, and the others by what they say', () => {
  const failed = (target: string, sentence: string): object =>
    job(target, { status: 'failed', end: { status: 'failed', sentence, code: 'apply_failed' } })
  const jobs = [
    ...Array.from({ length: 140 }, (_, at) => good(`ok-${at}`)),
    ...Array.from({ length: 55 }, (_, at) => failed(`bad-${at}`, 'quota exceeded')),
    ...Array.from({ length: 5 }, (_, at) => failed(`odd-${at}`, 'immutable field')),
  ]
  const lines = endText(detail('failure', jobs), plain).split('\n')
  expect(lines[1]).toBe('200 targets: 140 success, 60 failure')
  expect(lines.length).toBeLessThan(40)
  expect(lines.filter((line) => line.startsWith('✗ web  failed'))).toEqual([
    '✗ web  failed: quota exceeded (bad-5, bad-6, bad-7, bad-8, bad-9, bad-10, bad-11, bad-12 and 42 more)',
    '✗ web  failed: immutable field (odd-0, odd-1, odd-2, odd-3, odd-4)',
  ])
  expect(lines.at(-2)).toBe('      telpher retry dep_1   (only where it did not succeed)')
})
