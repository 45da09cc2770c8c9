import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditRecord } from '../../../src/model/audit.ts'
import { createSeen, startSealing } from '../../../src/server/sealing.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { sampleEntry } from '../../support/samples.ts'
import { sampleSigner } from '../../support/samplesigner.ts'
import { type ServedApi, serveApi, startDeployment } from '../server/api.ts'
import { createTestCli, type TestCli } from './cli.ts'

let redis: OwnRedis
let served: ServedApi
let cli: TestCli
let sealing: { readonly stopped: Promise<void> }
const ending = new AbortController()
beforeAll(async () => {
  redis = await startOwnRedis()
  served = await serveApi({ redisUrl: redis.url })
  cli = await createTestCli(served)
  sealing = startSealing({
    audit: served.store.audit,
    signer: sampleSigner,
    server: 'srv_1',
    saw: createSeen(),
    log: () => {},
    signal: ending.signal,
  })
})
afterAll(async () => {
  ending.abort()
  await sealing.stopped
  await served.close()
  await redis.stop()
})

test('show tells what a deployment did, by step, target and attempt', async () => {
  const { id, jobIds, targets } = await startDeployment(served)
  const ledger = served.store.ledger({ deploymentId: id, jobId: jobIds[0] ?? '' })
  const write = { group: 'apps', resource: 'deployments', namespace: 'shop', name: 'web', credentialId: 'jti-1', at: 1_700_000_000_000 }
  await ledger.append([
    sampleEntry({ ...write, n: 1, auditId: 'audit-1' }),
    sampleEntry({ ...write, n: 2, code: 409, reason: 'Conflict', name: 'api\u001b[31m' }),
    sampleEntry({ ...write, n: 1, attempt: 2, verb: 'delete', credentialId: 'jti-2', code: 0 }),
  ])
  const { stdout, code } = await cli.run(['audit', 'show', id])
  expect(code).toBe(0)
  const [title, started, ...rest] = stdout.trimEnd().split('\n')
  expect([title, started]).toEqual([id, expect.stringMatching(/start deployment dep_\w+: done, by api$/)])
  expect(rest.map((line) => line.replace(/^ {2}2023-\S+ {2}/, '  '))).toEqual([
    '',
    `web at ${targets[0]}, attempt 1, with jti-1`,
    '  patch deployments.apps shop/web: 200  audit-id audit-1',
    '  patch deployments.apps shop/api: 409 Conflict',
    '',
    `web at ${targets[0]}, attempt 2, with jti-2`,
    '  delete deployments.apps shop/web: no answer',
  ])
  const listed = JSON.parse((await cli.run(['audit', 'list', '--deployment', id, '--code', '4xx', '-o', 'json'])).stdout) as AuditRecord[]
  expect(listed).toMatchObject([{ type: 'write', code: 409 }])
  expect(await cli.run(['audit', 'show', 'dep_01JD0000000000000000000000'])).toMatchObject({ code: 5, stdout: '' })
})

test('export writes every record once, in order, in any format, and so many that one answer does not hold them', async () => {
  for (let n = 0; n < 25; n++)
    await served.store.audit.append(
      ...Array.from({ length: 100 }, (_, index) => ({
        type: 'secret' as const,
        action: 'set' as const,
        name: `e${n * 100 + index}`,
        at: 1,
        who: 'api',
        outcome: 'done' as const,
      })),
    )
  const expected = Array.from({ length: 2500 }, (_, n) => `e${n}`)
  const names = (records: readonly unknown[]): string[] => (records as { name: string }[]).map(({ name }) => name)
  for (const format of ['table', 'jsonl']) {
    const { stdout } = await cli.run(['audit', 'export', '--type', 'secret', '-o', format])
    expect(
      names(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ),
    ).toEqual(expected)
  }
  expect(names(JSON.parse((await cli.run(['audit', 'export', '--type', 'secret', '-o', 'json'])).stdout) as unknown[])).toEqual(expected)
  expect(JSON.parse((await cli.run(['audit', 'export', '--type', 'image', '-o', 'json'])).stdout)).toEqual([])
})

test('verify says whether the record is as it was written, by its exit code too', async () => {
  expect(await cli.run(['audit', 'verify'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whole {2}\d+ records, 1 to \d+/) })
  expect(await cli.run(['audit', 'verify', '--expect', 'x'])).toMatchObject({ code: 2 })
  const [one] = (await served.store.audit.list({ limit: 1, order: 'oldest' })).records
  await redis.ask('XDEL', 'tel:{audit}:chain', one?.id ?? '')
  const changed = await cli.run(['audit', 'verify', '-o', 'json'])
  expect(changed.code).toBe(10)
  expect(JSON.parse(changed.stdout)).toMatchObject({
    ok: false,
    problems: expect.arrayContaining([{ n: 2, says: 'records 1 to 1 are missing' }]),
  })
})
