import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkIds, checkRow } from '../../../src/doctor/table.ts'
import type { ServerDoctorReport } from '../../../src/model/doctor.ts'
import { shapes } from '../../../src/server/shapes.ts'
import { sampleWorker } from '../../support/samples.ts'
import { ownRedis } from '../../support/sandbox.ts'
import { freshName, newTarget, type ServedApi, serveApi, startDeployment } from './api.ts'

let redis: Awaited<ReturnType<typeof ownRedis>>
let served: ServedApi
beforeAll(async () => {
  // What others do to a shared Redis would be seen here.
  redis = await ownRedis()
  served = await serveApi({ redisUrl: redis.url })
})
afterAll(async () => {
  await served.close()
  await redis.stop()
})

const ask = async (): Promise<ServerDoctorReport> => {
  const answer = await served.call('GET', '/v1/doctor')
  expect(answer.status).toBe(200)
  const report = (await answer.json()) as ServerDoctorReport
  expect(shapes.doctor.safeParse(report).error).toBeUndefined()
  return report
}
const lines = ({ checks }: ServerDoctorReport, id: string) => checks.filter((check) => check.id === id)

test('every check that a server makes is in its answer, each with a reason, and a fix where it is not well', async () => {
  const report = await ask()
  const made = checkIds.filter(
    (id) => (checkRow(id).places as readonly string[]).includes('server') && !['server', 'server-version'].includes(id),
  )
  expect([...new Set(report.checks.map(({ id }) => id))]).toEqual(made)
  for (const { status, fix, why } of report.checks) {
    expect(why).not.toBe('')
    expect(fix !== undefined).toBe(status === 'warn' || status === 'fail')
  }
  expect(lines(report, 'redis-persistence')).toMatchObject([{ status: 'ok' }])
  expect(lines(report, 'key-file')).toMatchObject([{ status: 'ok' }])
  expect(lines(report, 'clock')).toMatchObject([{ subject: 'server', status: 'ok' }])
  expect(lines(report, 'workers')).toMatchObject([{ status: 'warn', fix: 'telpher worker start' }])
})

test('a job in a pool without workers is told with the command that helps, until a worker comes', async () => {
  const [name, pool] = [freshName('target'), freshName('pool')]
  await served.call('POST', '/v1/targets', newTarget(name, { pool }))
  const { id } = await startDeployment(served)
  await served.queue.enqueue(pool, { kind: 'check', checkId: freshName('chk'), target: name })
  const before = await ask()
  const subjects = (report: ServerDoctorReport, check: string) => lines(report, check).map(({ subject, status }) => [subject, status])
  expect(subjects(before, 'workers')).toEqual(
    expect.arrayContaining([
      [pool, 'fail'],
      ['default', 'fail'],
    ]),
  )
  expect(lines(before, 'queue')).toMatchObject([{ subject: pool, status: 'fail', fix: `TELPHER_POOL=${pool} telpher worker start` }])
  expect(lines(before, 'waiting-jobs')).toMatchObject([{ subject: 'default', status: 'fail', seen: expect.stringContaining(id) }])
  await served.store.workers.beat(sampleWorker(freshName('wrk'), { pool, version: '0.0.0' }))
  await served.store.workers.beat(sampleWorker(freshName('wrk'), { version: '9.9.9', executor: 'process', at: Date.now() - 60_000 }))
  const after = await ask()
  expect(subjects(after, 'workers')).toEqual(
    expect.arrayContaining([
      [pool, 'ok'],
      ['default', 'ok'],
    ]),
  )
  expect(lines(after, 'queue')).toMatchObject([{ status: 'ok' }])
  expect(lines(after, 'waiting-jobs')).toMatchObject([{ status: 'fail', seen: expect.stringContaining('without isolation') }])
  expect(lines(after, 'worker-version')).toMatchObject([{ status: 'warn', seen: expect.stringContaining('9.9.9') }])
  expect(lines(after, 'worker-isolation')).toMatchObject([{ status: 'warn' }])
  expect(lines(after, 'clock').filter(({ status }) => status === 'warn')).toMatchObject([
    { subject: expect.stringMatching(/^worker wrk-/) },
  ])
  expect(lines(after, 'account-key')).toMatchObject([{ status: 'ok' }])
  await served.call('POST', `/v1/deployments/${id}/cancel`)
})

test('files that are not those of the running server are told, and nothing of what they hold', async () => {
  const { keyFile = '', tokenFile = '' } = served.secrets
  const [key, token] = [readFileSync(keyFile), readFileSync(tokenFile)]
  try {
    for (const file of [keyFile, tokenFile]) rmSync(file)
    const gone = await ask()
    expect([lines(gone, 'key-file'), lines(gone, 'token-file')]).toMatchObject([[{ status: 'fail' }], [{ status: 'warn' }]])
    writeFileSync(keyFile, randomBytes(32), { mode: 0o400 })
    writeFileSync(tokenFile, 'tel_other', { mode: 0o400 })
    const other = await ask()
    expect(lines(other, 'key-file')).toMatchObject([{ status: 'fail', seen: expect.stringContaining('another key') }])
    expect(lines(other, 'token-file')).toMatchObject([{ status: 'fail', seen: expect.stringContaining('another token') }])
    expect(JSON.stringify(other)).not.toMatch(/tel_/)
  } finally {
    for (const file of [keyFile, tokenFile]) rmSync(file, { force: true })
    writeFileSync(keyFile, key, { mode: 0o400 })
    writeFileSync(tokenFile, token, { mode: 0o400 })
  }
})

test('a server whose Redis is gone still says so, in time', async () => {
  const own = await ownRedis()
  const lost = await serveApi({ redisUrl: own.url })
  await own.stop()
  const began = performance.now()
  const report = (await (await lost.call('GET', '/v1/doctor')).json()) as ServerDoctorReport
  expect(performance.now() - began).toBeLessThan(12_000)
  expect(lines(report, 'redis')).toMatchObject([{ status: 'fail', seen: expect.stringContaining('Redis at') }])
  expect(lines(report, 'workers')).toMatchObject([{ status: 'skip' }])
  expect(lines(report, 'key-file')).toMatchObject([{ status: 'ok' }])
  await lost.close()
})
