import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { ownCluster } from '../../support/sandbox.ts'
import { adminOf, type OpenGate, openGate, trustOf } from './harness.ts'

let cluster: Cluster
let opened: OpenGate
beforeAll(async () => {
  cluster = await ownCluster('none')
  opened = await openGate(trustOf(cluster), adminOf(cluster))
})
afterAll(async () => {
  await opened?.stop()
  await cluster?.stop()
})

const outageMs = 5000

test('an API server that is stopped for 5 s is a pause for kubectl, not a failure', async () => {
  const path = join(tmpdir(), `telpher-gate-${process.pid}.json`)
  const items = Array.from({ length: 20 }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `c${n}`, namespace: 'default' },
  }))
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
  // Connections that are kept alive when the server dies are the harder case.
  expect(await opened.kubectl('get', 'configmaps')).toMatchObject({ code: 0 })
  await cluster.apiserver.kill('SIGKILL')
  const down = performance.now()
  const applying = opened.kubectl('apply', '--server-side', '-f', path)
  const creating = opened.kubectl('create', 'configmap', 'created', '--from-literal=a=b')
  await eventually(() => performance.now() - down > outageMs, outageMs * 4)
  await cluster.apiserver.start()
  expect(await creating).toMatchObject({ code: 0 })
  expect(await applying).toMatchObject({ code: 0 })
  expect(performance.now() - down).toBeGreaterThan(outageMs)
  expect(opened.stored.filter((entry) => entry.resource === 'configmaps').map((entry) => [entry.name, entry.code])).toContainEqual([
    'created',
    201,
  ])
  expect(opened.gate.refusals()).toEqual([])
  expect(opened.gate.openWrites()).toBe(0)
})
