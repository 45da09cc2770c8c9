import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Job } from '../model/deployment.ts'
import type { ClusterConnection, ClusterRequest } from '../model/ports.ts'
import { decodeRelease, encodeRelease, markFailed, releaseRecords } from './helm-record.ts'
import { releasePending } from './helm-repair.ts'

interface Secret {
  metadata: { name: string; resourceVersion: string; labels: Record<string, string> }
  data: { release: string }
}

const record = (revision: number, status: string, modifiedAt: number): Secret => ({
  metadata: {
    name: `sh.helm.release.v1.web.v${revision}`,
    resourceVersion: '7',
    labels: { owner: 'helm', name: 'web', status, version: String(revision), modifiedAt: String(modifiedAt / 1000) },
  },
  data: { release: encodeRelease({ name: 'web', version: revision, info: { status, description: 'x' }, manifest: 'kept' }) },
})

/** A double of the API server's secrets, for what a real one cannot be made to do at will: a conflict. */
const secretsOf = (secrets: Secret[], putStatus = 200) => {
  const written: Secret[] = []
  const connection = {
    credentialId: 'c',
    async request({ method, path, body }: ClusterRequest) {
      if (method === 'PUT') written.push(JSON.parse(String(body)) as Secret)
      const found = secrets.find(({ metadata }) => path.endsWith(metadata.name))
      const answer = method === 'PUT' ? {} : path.includes('labelSelector') ? { items: secrets } : found
      return { status: method === 'PUT' ? putStatus : 200, headers: {}, rawHeaders: [], body: Readable.from([JSON.stringify(answer)]) }
    },
  } as unknown as ClusterConnection
  return { connection, written }
}

test('reads back what it wrote', () => {
  const release = { name: 'web', info: { status: 'deployed' }, chart: { files: ['ä'] } }
  expect(decodeRelease(encodeRelease(release))).toEqual(release)
})

test('records come newest first', async () => {
  const { connection } = secretsOf([record(1, 'superseded', 1000), record(10, 'deployed', 3000), record(2, 'superseded', 2000)])
  expect((await releaseRecords(connection, 'shop', 'web')).map(({ revision, status }) => [revision, status])).toEqual([
    [10, 'deployed'],
    [2, 'superseded'],
    [1, 'superseded'],
  ])
})

test('a revision is marked as failed in its label and in its record, with the version that was read', async () => {
  const { connection, written } = secretsOf([record(3, 'pending-upgrade', 1000)])
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
  const { connection } = secretsOf([record(3, 'pending-upgrade', 1000)], 409)
  const [newest] = await releaseRecords(connection, 'shop', 'web')
  if (newest === undefined) throw new Error('no record')
  expect(await markFailed(connection, 'shop', newest, 'interrupted')).toBe(false)
})

const job = (attempt: number): Job =>
  ({ attempt, startedAt: 5000, createdAt: 4000, step: { kind: 'helm', release: 'web' } }) as unknown as Job

test('a pending revision of a dead attempt of ours is released', async () => {
  const { connection, written } = secretsOf([record(3, 'pending-upgrade', 6000)])
  const said: string[] = []
  await releasePending(connection, job(2), 'shop', (text) => said.push(text))
  expect(written).toHaveLength(1)
  expect(said[0]).toContain('recorded as failed')
})

test.each([
  ['the first attempt finds it', 1, 6000],
  ['it is older than this job', 2, 1000],
])('a pending revision of somebody else is not touched: %s', async (_, attempt, modifiedAt) => {
  const { connection, written } = secretsOf([record(3, 'pending-upgrade', modifiedAt)])
  await expect(releasePending(connection, job(attempt), 'shop', () => {})).rejects.toMatchObject({ code: 'helm_pending' })
  expect(written).toEqual([])
})
