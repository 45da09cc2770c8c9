import { expect, test } from 'vitest'
import { judgeAudit } from './audit.ts'

const whole = { ok: true, records: 12, first: 1, last: 12, signatures: 2, unknownKeys: 0, problems: [] }

test.each([
  ['is whole', whole, 'ok', '12 records, as they were written'],
  [
    'has signatures of a key that is gone',
    { ...whole, unknownKeys: 1 },
    'warn',
    '1 signatures of 12 records are of keys that the server does not have',
  ],
  [
    'was changed',
    { ...whole, ok: false, problems: [{ n: 3, says: 'record 3 was changed' }] },
    'fail',
    'it was changed: record 3 was changed',
  ],
])('a record that %s', (_, report, status, seen) => {
  expect(judgeAudit(report)).toMatchObject({ id: 'audit', status, seen })
})
