import { appendFile, copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AuditRecord } from '../../src/model/audit.ts'
import type { Reconciliation } from '../../src/model/reconcile.ts'
import { fetchAs } from '../support/bootstrap.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { begin, configMaps, holderOf, midApply } from '../support/running.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'

let e2e: Awaited<ReturnType<typeof startE2e>>
beforeAll(async () => {
  e2e = await startE2e({ workers: 2, cluster: await sharedCluster('none') })
})
afterAll(() => e2e.stop())

/** A target as `target add` makes it. @returns its name, its namespace, and its home, which has the name of the target */
const place = async ({ cluster, cli }: E2e): Promise<{ target: string; namespace: string }> => {
  const namespace = await freshNamespace(cluster)
  const home = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  const added = await cli('target', 'add', home, ...context, '--namespace', namespace, '--home', home, '--yes')
  expect(added, added.stderr).toMatchObject({ code: 0 })
  return { target: home, namespace }
}

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.0.1\n',
  'templates/map.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-the-chart' } }),
  'templates/secret.yaml': JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'kept' },
    stringData: { a: 'hunter2hunter2' },
  }),
}

/** What reconcile says, once everything that was written has come into both. */
const reconcile = async (file: string, ...more: string[]): Promise<Reconciliation & { code: number }> => {
  const { code, stdout, stderr } = await e2e.cli('audit', 'reconcile', file, '-o', 'json', ...more)
  if (stdout === '') throw new Error(stderr)
  return { ...(JSON.parse(stdout) as Reconciliation), code }
}

const settled = (file: string): Promise<Reconciliation & { code: number }> => {
  let last: Reconciliation | undefined
  return eventually(
    async () => {
      const report = await reconcile(file)
      const isSame = last !== undefined && last.ours === report.ours && last.unexplainedCount === report.unexplainedCount
      last = report
      return isSame && report
    },
    60_000,
    500,
  )
}

test('everything that an API server saw of us is explained, with a killed worker too, and a write with a stolen token is named', async () => {
  const { target, namespace } = await place(e2e)
  const log = e2e.cluster.auditLog
  const applied = await e2e.deploy(await e2e.folder(configMaps(20)), target)
  expect(applied, applied.stderr).toMatchObject({ code: 0 })
  const installed = await e2e.deploy(await e2e.folder(chart), target, '--helm', 'web')
  expect(installed, installed.stderr).toMatchObject({ code: 0 })
  const broken = { 'a.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [] } }) }
  expect((await e2e.deploy(await e2e.folder(broken), target)).code).not.toBe(0)
  expect(await e2e.cli('target', 'check', target)).toMatchObject({ code: 0 })

  const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
  const job = await midApply(e2e, running, namespace)
  const holder = await holderOf(e2e, job)
  holder.kill('SIGKILL')
  await holder.exited
  expect(detailOf(await running.ended).jobs[0]).toMatchObject({ status: 'succeeded', attempt: 2 })

  const clean = await settled(log)
  expect(clean.unexplained).toEqual([])
  expect(clean.missing).toEqual([])
  expect(clean).toMatchObject({ code: 0, unexplainedCount: 0, missingCount: 0 })
  expect(clean.byAuditId).toBeGreaterThan(420)

  // Somebody has got a token of the deployer, and writes past Telpher.
  const stolen = await e2e.cluster.serviceAccountToken(target, `deployer-${target}`)
  const forged = { metadata: { name: 'forged' }, data: { a: 'b' } }
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  expect((await fetchAs(e2e.cluster, stolen, 'POST', path, forged)).status).toBe(201)
  const named = await eventually(async () => {
    const report = await reconcile(log)
    return report.unexplainedCount > 0 && report
  })
  expect(named.unexplained).toMatchObject([
    {
      verb: 'create',
      resource: 'configmaps',
      namespace,
      name: 'forged',
      code: 201,
      username: `system:serviceaccount:${target}:deployer-${target}`,
    },
  ])
  expect(named.code).toBe(10)
  const line = (await readFile(log, 'utf8')).split('\n')[(named.unexplained[0]?.line ?? 0) - 1]
  expect(line).toContain(named.unexplained[0]?.auditId)

  // The same packed; with a line that is damaged; and with one that is gone.
  const dir = await e2e.folder({ 'bad.log': '{"kind":\n' })
  await writeFile(join(dir, 'audit.log.gz'), gzipSync(await readFile(log)))
  expect((await reconcile(join(dir, 'audit.log.gz'))).unexplainedCount).toBe(1)
  await copyFile(log, join(dir, 'copy.log'))
  await appendFile(join(dir, 'copy.log'), '{"kind":\n')
  expect((await e2e.cli('audit', 'reconcile', join(dir, 'copy.log'))).stderr).toMatch(/copy\.log:\d+: it is not JSON/)
  const [write] = (
    JSON.parse((await e2e.cli('audit', 'list', '--type', 'write', '--name', 'map-7', '-o', 'json')).stdout) as AuditRecord[]
  ).slice(-1)
  const auditId = write?.type === 'write' ? (write.auditId ?? '') : ''
  const rest = (await readFile(log, 'utf8')).split('\n').filter((text) => !text.includes(auditId))
  await writeFile(join(dir, 'gap.log'), rest.join('\n'))
  expect((await reconcile(join(dir, 'gap.log'), '--target', target)).missing).toMatchObject([{ name: 'map-7', auditId }])
  expect(await e2e.cli('audit', 'reconcile', join(dir, 'bad.log'))).toMatchObject({ code: 2, stderr: expect.stringContaining('TEL-1081') })
})

test('the record of a deployment names who asked, its tokens and the Audit-Ids of the API server, and no value', async () => {
  const { target } = await place(e2e)
  const { deployment } = detailOf(await e2e.deploy(await e2e.folder(chart), target, '--helm', 'web'))
  const shown = await eventually(async () => {
    const records = JSON.parse((await e2e.cli('audit', 'show', deployment.id, '-o', 'json')).stdout) as AuditRecord[]
    return records.some((record) => record.type === 'credential' && record.action === 'revoke') && records
  })
  const writes = shown.filter((record) => record.type === 'write')
  const minted = shown.flatMap((record) => (record.type === 'credential' && record.action === 'mint' ? [record.credentialId] : []))
  expect(writes.length).toBeGreaterThan(2)
  expect(new Set(writes.map(({ credentialId }) => credentialId))).toEqual(new Set(minted))
  const log = await readFile(e2e.cluster.auditLog, 'utf8')
  for (const { auditId } of writes) expect(log).toContain(auditId)
  const calls = JSON.parse((await e2e.cli('audit', 'list', '--type', 'call', '--target', target, '-o', 'json')).stdout) as AuditRecord[]
  const called = calls.map((record) => record.type === 'call' && `${record.verb} ${record.resource} ${record.subresource ?? ''}`.trim())
  expect(called).toEqual(expect.arrayContaining(['create secrets', 'create serviceaccounts token', 'delete secrets']))
  expect(JSON.stringify(shown)).not.toContain('hunter2')
  expect((await e2e.cli('audit', 'show', deployment.id)).stdout).toContain(`at ${target}, attempt 1`)
  expect(await e2e.cli('audit', 'verify')).toMatchObject({ code: 0 })
  expect((await e2e.cli('doctor', '-o', 'json')).stdout).toContain('"audit"')
})
