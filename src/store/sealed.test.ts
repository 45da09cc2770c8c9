import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { retentionRules, ruleOf } from './retention.ts'
import { sealedPlaces } from './sealed.ts'

test('every key that says it is sealed is a place of the registry, and every place says so', () => {
  // What is sealed to a worker is sealed with no master key.
  const said = retentionRules.filter(({ what }) => /\bsealed\b(?! to it)/.test(what))
  expect(new Set(sealedPlaces.map(({ keys }) => ruleOf(keys)))).toEqual(new Set(said))
})

test('keys.ts tells of a sealed record as often as there are places', () => {
  const text = readFileSync(new URL('keys.ts', import.meta.url), 'utf8')
  const comments = text.match(/\/\*\*[^*]*\*\//g) ?? []
  const told = comments.filter((comment) => /sealed (?:JSON|record)/i.test(comment))
  expect(told).toHaveLength(sealedPlaces.length)
})
