import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { phaseDeadlinesSchema, phaseLimit, phases, phaseTable, readPhaseDeadline, spoken } from './deadlines.ts'

test('the page of deadlines says what the table says', () => {
  const page = readFileSync(new URL('../../docs/reference/graces.md', import.meta.url), 'utf8')
  const words: Record<number, string> = { 604800: '7 days', 86400: '24 h', 60: '60 s' }
  for (const phase of phases) {
    const { usual, about } = phaseTable[phase]
    expect(page).toContain(`| \`${phase}\` | ${usual === undefined ? 'the whole' : words[usual]} | ${about} |`)
  }
})

test('a step says its own, each by itself', () => {
  expect(phaseLimit({ deadlines: { run: 30 } }, 'run')).toBe(30)
  expect(phaseLimit({ deadlines: { run: 30 } }, 'queue')).toBe(86_400)
  expect(phaseLimit({}, 'run')).toBeUndefined()
})

test('times are spoken as people write them', () => {
  expect([5, 90, 600, 5400, 7200, 86_400].map(spoken)).toEqual(['5 s', '90 s', '10 min', '90 min', '2 h', '24 h'])
})

test.each(['0', '-1', '7h', 'soon', ''])('a run deadline of "%s" is refused', (text) => {
  expect(readPhaseDeadline('run', text)).toBeUndefined()
})

test('an unknown phase is refused with its name', () => {
  expect(phaseDeadlinesSchema.safeParse({ verfy: 3 }).error?.issues[0]?.message).toContain('verfy')
})
