import { expect, test } from 'vitest'
import { helmRecord as record, secretsOf } from '../../tests/support/helm-records.ts'
import { markFailed, releaseRecords } from './helm-record.ts'
import { decodeRelease } from './helm-release.ts'

test('records come newest first', async () => {
  const { connection } = secretsOf([record(1, 'superseded'), record(10, 'deployed'), record(2, 'superseded')])
  expect((await releaseRecords(connection, 'shop', 'web')).map(({ revision, status }) => [revision, status])).toEqual([
    [10, 'deployed'],
    [2, 'superseded'],
    [1, 'superseded'],
  ])
})

test('a revision is marked as failed in its label and in its record, with the version that was read', async () => {
  const { connection, written } = secretsOf([record(3, 'pending-upgrade')])
  const [newest] = await releaseRecords(connection, 'shop', 'web')
  if (newest === undefined) throw new Error('no record')
  expect(await markFailed(connection, 'shop', newest, 'interrupted')).toBe(true)
  expect(written[0]?.metadata).toMatchObject({ resourceVersion: '7', labels: { status: 'failed', owner: 'helm', version: '3' } })
  expect(decodeRelease(written[0]?.data.release ?? '')).toMatchObject({
    info: { status: 'failed', description: 'interrupted' },
    manifest: 'kept',
  })
})

test('somebody else’s change in between is left alone', async () => {
  const { connection } = secretsOf([record(3, 'pending-upgrade')], 409)
  const [newest] = await releaseRecords(connection, 'shop', 'web')
  if (newest === undefined) throw new Error('no record')
  expect(await markFailed(connection, 'shop', newest, 'interrupted')).toBe(false)
})
