import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { metricTable } from './table.ts'

test('docs/reference/metrics.md lists every metric with its type, labels and process, and no other', () => {
  const page = readFileSync(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => /^\| `(?:telpher|process)_/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  expect(rows.map(([, name, type, labels, of, help]) => [name, type, labels, of, help])).toEqual(
    Object.entries(metricTable).map(([name, { type, labels, of, help }]) => [
      `\`${name}\``,
      type,
      labels.join(', ') || '–',
      of.join(', '),
      help,
    ]),
  )
})
