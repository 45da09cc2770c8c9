import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checksOf, fail, look, ok, reportOf, skip, warn } from './finding.ts'
import { checkIds, checkRow } from './table.ts'

test('what is collected, what goes wrong and what takes too long are facts or trouble, never an error', async () => {
  expect(await look(async () => 7)).toEqual({ facts: 7, ms: expect.any(Number) })
  expect(await look(() => Promise.reject(new Error('refused')))).toEqual({ trouble: 'refused', ms: expect.any(Number) })
  let told = false
  const late = await look(
    (signal) =>
      new Promise(() => {
        signal.addEventListener('abort', () => {
          told = true
        })
      }),
    20,
  )
  expect(late).toEqual({ trouble: 'no answer within 0.02 s', ms: expect.any(Number) })
  expect(told).toBe(true)
})

test('a report is in the order of the table, says why each check matters, and counts', () => {
  const checks = [
    ...checksOf(4, [warn('queue', 's', 'f'), ok('node', '24')]),
    ...checksOf(5, [fail('redis', 's', 'f'), skip('docker', 's')]),
  ]
  const report = reportOf(checks)
  expect(report.checks.map(({ id, ms }) => [id, ms])).toEqual([
    ['node', 4],
    ['docker', 5],
    ['redis', 5],
    ['queue', 4],
  ])
  expect(report.checks[0]).toEqual({ id: 'node', status: 'ok', seen: '24', why: checkRow('node').why, ms: 4 })
  expect(report.summary).toEqual({ ok: 1, warn: 1, fail: 1, skip: 1 })
})

test('docs/reference/doctor.md has a row for each check, and no other', () => {
  const page = readFileSync(new URL('../../docs/reference/doctor.md', import.meta.url), 'utf8')
  const expected = checkIds.map((id) => {
    const { places, about, why } = checkRow(id)
    return `| \`${id}\` | ${places.join(', ')} | ${about} | ${why} |`
  })
  expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual(expected)
})
