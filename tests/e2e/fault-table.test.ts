import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { faults } from '../support/faults.ts'

const folder = new URL('./', import.meta.url)

/** Ids that a test's text hands to expectFault or fault, or lists as `id: '…'`. */
const used = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => [...readFileSync(new URL(name, folder), 'utf8').matchAll(/(?:(?:expectFault|fault)\(\s*|\bid: )'([a-z0-9-]+)'/g)])
  .map((match) => match[1])

test('every row of docs/reference/faults.md is provoked by a test, and tests provoke nothing else', () => {
  expect([...new Set(used)].toSorted()).toEqual(faults.map(({ id }) => id).toSorted())
})
