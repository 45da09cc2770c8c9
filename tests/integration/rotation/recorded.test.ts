import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config.ts'
import { createLog } from '../../../src/log.ts'
import type { AuditCall, AuditRecord } from '../../../src/model/audit.ts'
import type { Reconciliation } from '../../../src/model/reconcile.ts'
import { startServer } from '../../../src/server/main.ts'
import { openStore } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startOwnRedis } from '../../support/ownredis.ts'
import { startCarrying } from '../../support/pipes.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { createTestCli } from '../cli/cli.ts'

test('what a server writes in a cluster to rotate an account is in the record, which explains all that the API server saw', async ({
  onTestFinished,
}) => {
  const [cluster, redis] = [await sharedCluster('none'), await startOwnRedis()]
  const dir = await mkdtemp(join(tmpdir(), 'telpher-recorded-'))
  const config = loadConfig({ TELPHER_REDIS_URL: redis.url, TELPHER_DATA_DIR: dir, TELPHER_PORT: '0' })
  const server = await startServer(config, createLog('error', {}))
  const store = await openStore({ url: redis.url })
  const worker = await startCarrying(store, 'default')
  onTestFinished(async () => {
    await server.close()
    await worker.stop()
    await store.close()
    await redis.stop()
    await rm(dir, { recursive: true, force: true })
  })
  const cli = await createTestCli({ url: server.url, token: (await readFile(config.tokenFile, 'utf8')).trim() })
  const namespace = await freshNamespace(cluster)
  const name = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  const added = await cli.run(['target', 'add', name, ...context, '--namespace', namespace, '--home', name, '--yes'])
  expect(added.code, added.stderr).toBe(0)
  const revoked = await cli.run(['account', 'revoke', name, '--now'])
  expect(revoked.code, revoked.stderr).toBe(0)

  // A server gives records their numbers within a second; the API server writes its log as it answers.
  await eventually(() => store.audit.isSealed())
  const report = await eventually(async () => {
    const { stdout } = await cli.run(['audit', 'reconcile', cluster.auditLog, '--target', name, '-o', 'json'])
    const found = JSON.parse(stdout) as Reconciliation
    return found.missingCount === 0 ? found : undefined
  })
  expect(report.unexplained).toEqual([])
  const { stdout } = await cli.run(['audit', 'list', '--target', name, '--type', 'call', '-o', 'json'])
  const calls = (JSON.parse(stdout) as AuditRecord[]).filter((record): record is AuditRecord & AuditCall => record.type === 'call')
  const told = calls.toReversed().map(({ who, verb, resource, subresource, namespace: of, dryRun, code, auditId, ...call }) => {
    expect([who, of, auditId]).toEqual(['server', name, expect.any(String)])
    return [verb, subresource ?? resource, call.name, dryRun, code]
  })
  expect(told).toEqual([
    ['create', 'secrets', `bootstrap-${name}.v2`, false, 201],
    ['create', 'token', `bootstrap-${name}`, false, 201],
    ['create', 'secrets', undefined, true, 201],
    ['delete', 'secrets', `bootstrap-${name}`, false, 200],
  ])
  expect(new Set(calls.map(({ credentialId }) => credentialId)).size).toBe(2)
})
