import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../../src/cluster/connection.ts'
import { heldCredential, readKubeconfig } from '../../../src/credentials/kubeconfig.ts'
import type { Pool } from '../../../src/model/pool.ts'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import type { SeenWorker } from '../../../src/model/worker.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { createKubeDriver } from '../../../src/scaler/kubernetes.ts'
import { startScaler } from '../../../src/scaler/loop.ts'
import { loadOf, scaleOf } from '../../../src/scaler/scale.ts'
import { eventually } from '../../support/eventually.ts'
import { sampleWorker } from '../../support/samples.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

// The pods are kwok's, so no worker runs in them: who is busy is said by the test, and Kubernetes itself chooses whom it ends.
let cluster: Cluster
let connection: ClusterConnection
let namespace: string
beforeAll(async () => {
  cluster = await sharedCluster('kwok')
  const imported = readKubeconfig(await readFile(cluster.kubeconfig, 'utf8'), 'local')
  connection = connect(imported, heldCredential(imported, 'test'))
  namespace = await freshNamespace(cluster)
  const labels = { app: 'workers' }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'worker', image: 'worker' }] } }
  const answer = await cluster.api('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name: 'workers' },
    spec: { replicas: 0, selector: { matchLabels: labels }, template },
  })
  expect(answer.status).toBe(201)
})
afterAll(() => connection.close())

const pods = async (): Promise<string[]> => {
  const answer = await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods`)
  const { items } = JSON.parse(answer.body) as {
    items: { metadata: { name: string; deletionTimestamp?: string }; status: { phase: string } }[]
  }
  return items
    .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase === 'Running')
    .map(({ metadata }) => metadata.name)
}
/** @param each how many attempts a busy one holds */
const workersOf = (names: readonly string[], busy: ReadonlySet<string>, each = 1): SeenWorker[] =>
  names.map((name) => {
    const held = Array.from({ length: each }, (_, n) => ({ deploymentId: 'dep_a', jobId: `job_${n}`, attempt: 1, openWrites: 0 }))
    return { ...sampleWorker(`wrk_${name}`, { name, attempts: busy.has(name) ? held : [] }), seenAt: Date.now() }
  })
const place = () => ({ namespace, deployment: 'workers' })

test('a Deployment follows; when it shrinks the idle pods go, whatever their age', async () => {
  const driver = createKubeDriver(connection)
  expect(await driver.scale(place(), 6, [])).toBe(0)
  await eventually(async () => (await pods()).length === 6, 30_000)
  const all = await pods()
  // The youngest would be the first to go.
  const busy = new Set(all.filter((_, index) => index % 2 === 1))
  expect(await driver.scale(place(), 3, workersOf(all, busy))).toBe(6)
  await eventually(async () => (await pods()).length === 3, 30_000)
  expect(new Set(await pods())).toEqual(busy)
  expect(await driver.scale(place(), 3, [])).toBe(3)
})

test('pods that were busy when it shrank before, and are idle now, go first, whichever server marked them', async () => {
  const before = createKubeDriver(connection)
  await before.scale(place(), 4, [])
  await eventually(async () => (await pods()).length === 4, 30_000)
  const all = await pods()
  const busyBefore = new Set(all.slice(0, 2))
  // What they were marked as then outweighs what the one at work is marked as now.
  await before.scale(place(), 3, workersOf(all, busyBefore, 2))
  await eventually(async () => (await pods()).length === 3, 30_000)
  const left = await pods()
  const busy = new Set(left.filter((name) => !busyBefore.has(name)))
  expect(busy.size).toBe(1)
  await createKubeDriver(connection).scale(place(), 1, workersOf(left, busy))
  await eventually(async () => (await pods()).length === 1, 30_000)
  expect(new Set(await pods())).toEqual(busy)
})

test('a worker elsewhere is no trouble; a Deployment that is not there says which', async () => {
  const driver = createKubeDriver(connection)
  await driver.scale(place(), 1, workersOf(['not-a-pod'], new Set(['not-a-pod'])))
  await expect(driver.scale({ namespace, deployment: 'nowhere' }, 1, [])).rejects.toMatchObject({
    code: 'scale_refused',
    message: expect.stringContaining(`Deployment ${namespace}/nowhere: deployments.apps "nowhere" not found`),
  })
})

test('the loop takes it from nothing to what there is to do and back, and says trouble once', async () => {
  const ending = new AbortController()
  let waiting = 9
  const logged: object[] = []
  const scaling = { min: 0, max: 8, idle: 0, factor: 0, idleLimit: 0, coolDownSeconds: 0, schedules: [] }
  const pool: Pool = { name: 'default', labels: {}, state: 'active', createdAt: 0, scaling, kubernetes: place() }
  const lost: Pool = { ...pool, name: 'lost', kubernetes: { namespace, deployment: 'nowhere' } }
  const scaler = startScaler({
    turn: async () => true,
    pools: async () => [pool, lost],
    scale: async (one) => ({ scale: scaleOf(one, loadOf(one, [], waiting), undefined, Date.now()).scale, workers: [] }),
    driver: createKubeDriver(connection),
    log: (line) => logged.push(line),
    signal: ending.signal,
  })
  await eventually(async () => (await pods()).length === 3, 30_000)
  waiting = 0
  await eventually(async () => (await pods()).length === 0, 30_000)
  ending.abort()
  await scaler.stopped
  expect(logged.filter((line) => JSON.stringify(line).includes('"pool":"lost"'))).toHaveLength(1)
})
