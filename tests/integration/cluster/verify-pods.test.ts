import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import type { KubeObject } from '../../../src/model/verdict.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { adminConnection, deployment, type Judged, judge, shell, startWriting, web } from './subject.ts'

// Containers of this cluster really run, on a node with kubelet and containerd.
let cluster: Cluster
let connection: ClusterConnection
let namespace: string

beforeAll(async () => {
  cluster = await sharedCluster('real')
  connection = adminConnection(cluster)
  namespace = await freshNamespace(cluster)
})
afterAll(async () => {
  connection.close()
  await cluster.api('DELETE', `/api/v1/namespaces/${namespace}`)
})

/** Writes objects, judges them, and takes them away: a crash loop costs a small machine much. */
const deploy = async (...objects: KubeObject[]): Promise<Judged> => {
  const writing = startWriting(cluster)
  for (const object of objects) await writing.create(object)
  const verdict = await judge(connection, writing)
  for (const object of objects)
    await cluster.kubectl(
      '-n',
      namespace,
      'delete',
      object.kind ?? '',
      object.metadata.name ?? '',
      '--ignore-not-found',
      '--wait=false',
      '--grace-period=0',
      '--force',
    )
  return verdict
}

const job = (name: string, script: string, spec: object = {}): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace },
  spec: {
    backoffLimit: 0,
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.test/busybox:1', ...shell(script) }] } },
    ...spec,
  },
})

describe.concurrent('on a real node', () => {
  test('a web server with a probe is current without a settle time, one without is watched', async () => {
    const verdict = await deploy(web(namespace, 'probed'))
    expect(verdict).toMatchObject({ outcome: 'current', notes: [] })
    const bare = await deploy(deployment(namespace, 'bare', { image: 'example.test/web:1' }))
    expect(bare).toMatchObject({ outcome: 'current', notes: [expect.stringContaining('watched for 5 s')] })
    expect(bare.ms).toBeGreaterThan(5000)
  })

  test('an image that is nowhere', async () => {
    const { outcome, failure } = await deploy(deployment(namespace, 'no-image', { image: 'example.test/nothing:9' }))
    expect(outcome).toBe('failed')
    expect(failure).toMatchObject({
      class: 'image_pull',
      sentence: expect.stringContaining('the image example.test/nothing:9 cannot be pulled'),
    })
    expect(failure?.chain.map(({ kind }) => kind)).toEqual(['Deployment', 'ReplicaSet', 'Pod', 'Container', 'Event'])
  })

  test('a name that is no image fails at once', async () => {
    const { failure, ms } = await deploy(deployment(namespace, 'bad-image', { image: 'example.test/UPPER:1' }))
    expect(failure).toMatchObject({ class: 'image_pull', sentence: expect.stringContaining('example.test/UPPER:1 cannot be used') })
    expect(ms).toBeLessThan(15_000)
  })

  test('a crash loop, with the last lines of the container that ended', async () => {
    const { failure } = await deploy(deployment(namespace, 'crash', shell('echo starting; echo "\x1b[31mno database\x1b[0m"; exit 3')))
    expect(failure).toMatchObject({
      class: 'crash_loop',
      sentence: expect.stringContaining('exit code was 3'),
      lastLines: ['starting', 'no database'],
    })
    expect(failure?.chain.map(({ kind }) => kind).slice(0, 4)).toEqual(['Deployment', 'ReplicaSet', 'Pod', 'Container'])
  })

  test('a crash loop behind a probe', async () => {
    const probe = { readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 } }
    const { failure } = await deploy(deployment(namespace, 'crash-probed', { ...shell('sleep 2; exit 4'), ...probe }))
    expect(failure).toMatchObject({ class: 'crash_loop', sentence: expect.stringContaining('exit code was 4') })
  })

  test('an init container that fails', async () => {
    const object = deployment(namespace, 'init', { image: 'example.test/web:1' })
    const { spec } = (object['spec'] as { template: { spec: Record<string, unknown> } }).template
    spec['initContainers'] = [{ name: 'migrate', image: 'example.test/busybox:1', ...shell('echo cannot migrate; exit 5') }]
    const { failure } = await deploy(object)
    expect(failure).toMatchObject({
      class: 'crash_loop',
      lastLines: ['cannot migrate'],
      sentence: expect.stringContaining('container migrate'),
    })
  })

  test('a ConfigMap that is missing', async () => {
    const writing = startWriting(cluster)
    await writing.create(deployment(namespace, 'config', { ...shell('sleep 60'), envFrom: [{ configMapRef: { name: 'nowhere' } }] }))
    const { failure } = await judge(connection, writing, { graces: { containerConfig: 2 } })
    expect(failure).toMatchObject({ class: 'container_config', sentence: expect.stringContaining('configmap "nowhere" not found') })
  })

  test('a ConfigMap that is missing as a volume', async () => {
    const object = deployment(namespace, 'mount', { ...shell('sleep 60'), volumeMounts: [{ name: 'settings', mountPath: '/settings' }] })
    const { spec } = (object['spec'] as { template: { spec: Record<string, unknown> } }).template
    spec['volumes'] = [{ name: 'settings', configMap: { name: 'nowhere' } }]
    const writing = startWriting(cluster)
    await writing.create(object)
    const { failure } = await judge(connection, writing, { graces: { containerConfig: 2 } })
    expect(failure).toMatchObject({ class: 'container_config', sentence: expect.stringContaining('configmap "nowhere" not found') })
  })

  test('a probe that never succeeds is blamed for the progress deadline', async () => {
    const readinessProbe = { httpGet: { path: '/nowhere', port: 8080 }, periodSeconds: 1 }
    const { failure } = await deploy(
      deployment(namespace, 'unready', { image: 'example.test/web:1', readinessProbe }, { progressDeadlineSeconds: 5 }),
    )
    expect(failure).toMatchObject({ class: 'probe_failing', sentence: expect.stringContaining('HTTP probe failed with statuscode: 404') })
  })

  test('a Job that fails, and one that completes', async () => {
    const { failure } = await deploy(job('broken', 'echo migrating; echo cannot; exit 7'))
    expect(failure).toMatchObject({ class: 'job_failed', lastLines: ['migrating', 'cannot'] })
    expect(failure?.chain.find(({ kind }) => kind === 'Container')).toMatchObject({ name: 'main', message: 'its exit code was 7' })
    expect(await deploy(job('good', 'exit 0', { ttlSecondsAfterFinished: 0 }))).toMatchObject({ outcome: 'current' })
  })

  test('a pod of its own that fails', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.test/busybox:1', ...shell('echo gone; exit 9') }] },
    }
    const { failure } = await deploy(pod)
    expect(failure).toMatchObject({
      class: 'other',
      sentence: 'Pod alone: container main failed: its exit code was 9',
      lastLines: ['gone'],
    })
  })

  test('the pods of the rollout before do not fail the one that repairs it', async () => {
    const writing = startWriting(cluster)
    const broken = await writing.create(deployment(namespace, 'repaired', shell('exit 1')))
    expect((await judge(connection, writing)).failure?.class).toBe('crash_loop')
    const fixed = {
      name: 'main',
      image: 'example.test/web:1',
      command: null,
      readinessProbe: { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 },
    }
    await writing.patch({ apiVersion: 'apps/v1', kind: 'Deployment', ...broken }, { spec: { template: { spec: { containers: [fixed] } } } })
    expect(await judge(connection, writing)).toMatchObject({ outcome: 'current' })
    await cluster.kubectl('-n', namespace, 'delete', 'deployment', 'repaired', '--wait=false')
  })
})

test('a crash loop without a probe is never current: 20 of 20', async () => {
  const verdicts = await Promise.all(
    Array.from({ length: 20 }, (_, n) => deploy(deployment(namespace, `loop-${n}`, shell(`sleep ${1 + (n % 5) / 2}; exit 1`)))),
  )
  expect(verdicts.map(({ outcome, failure }) => [outcome, failure?.class])).toEqual(verdicts.map(() => ['failed', 'crash_loop']))
})
