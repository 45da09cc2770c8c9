import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { faults } from '../support/faults.ts'

const folder = new URL('./', import.meta.url)
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts') && !import.meta.url.endsWith(name))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'))

/** Literals, and templates whose parts stand for anything. */
const literals = texts.flatMap((text) => [...text.matchAll(/'([a-z0-9-]+)'|`([a-z][a-z0-9-]*(?:\$\{\w+\}[a-z0-9-]*)+)`/g)])
const patterns = literals.map(([, plain, template = '']) => new RegExp(`^${plain ?? template.replaceAll(/\$\{\w+\}/g, '[a-z0-9]+')}$`))
const expected = texts.flatMap((text) => [...text.matchAll(/expectFault\(\s*'([^']+)'/g)]).map(([, id]) => id)

test('every row of docs/reference/faults.md is provoked by a test', () => {
  expect(faults.map(({ id }) => id).filter((id) => !patterns.some((pattern) => pattern.test(id)))).toEqual([])
})

test('tests expect nothing that has no row', () => {
  const ids: ReadonlySet<string | undefined> = new Set(faults.map(({ id }) => id))
  expect(expected.filter((id) => !ids.has(id))).toEqual([])
  expect(expected.length).toBeGreaterThan(0)
})
