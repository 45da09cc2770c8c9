import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { startProxy } from './proxy.ts'
import { adminConnection, before, deployment, judge, mergePatch, startWriting, tokenConnection, web } from './subject.ts'

// Pods of this cluster are pretended: what needs containers that run is in verify-pods.test.ts.
let cluster: Cluster
let connection: ClusterConnection
let namespace: string

beforeAll(async () => {
  cluster = await sharedCluster('kwok')
  connection = adminConnection(cluster)
  namespace = await freshNamespace(cluster)
})
afterAll(() => connection.close())

const statusesOf = (verdict: { objects: readonly { ref: { name: string }; assessment: { status: string } }[] }): Record<string, string> =>
  Object.fromEntries(verdict.objects.map(({ ref, assessment }) => [ref.name, assessment.status]))

test('objects of many kinds become current', async () => {
  const writing = startWriting(cluster)
  const metadata = (name: string): object => ({ name, namespace })
  const template = (name: string): object => ({
    metadata: { labels: { app: name } },
    spec: { containers: [{ name: 'main', image: 'example.test/web:1', readinessProbe: { httpGet: { path: '/', port: 80 } } }] },
  })
  const selector = (name: string): object => ({ matchLabels: { app: name } })
  await writing.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('settings'), data: {} })
  await writing.create(web(namespace, 'many-a'))
  await writing.create(web(namespace, 'many-b', { replicas: 3 }))
  await writing.create({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadata('db'),
    spec: { serviceName: 'db', replicas: 2, selector: selector('db'), template: template('db') },
  })
  await writing.create({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: metadata('agent'),
    spec: { selector: selector('agent'), template: template('agent') },
  })
  await writing.create({
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: metadata('set'),
    spec: { replicas: 2, selector: selector('set'), template: template('set') },
  })
  await writing.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata('web'),
    spec: { selector: { app: 'many-a' }, ports: [{ port: 80 }] },
  })
  await writing.create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: metadata('migrate'),
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.test/busybox:1' }] } } },
  })
  const verdict = await judge(connection, writing)
  expect(verdict.outcome).toBe('current')
  expect(statusesOf(verdict)).toEqual(
    Object.fromEntries(['settings', 'many-a', 'many-b', 'db', 'agent', 'set', 'web', 'migrate'].map((name) => [name, 'Current'])),
  )
  expect(verdict.notes).toEqual([])
})

test('nothing written is current', async () => {
  expect(await judge(connection, startWriting(cluster))).toMatchObject({ outcome: 'current', objects: [] })
})

test('no replicas are current, and that is said', async () => {
  const writing = startWriting(cluster)
  await writing.create(deployment(namespace, 'zero', {}, { replicas: 0 }))
  const verdict = await judge(connection, writing)
  expect(verdict).toMatchObject({ outcome: 'current', notes: ['Deployment zero wants no pods, so nothing of it runs'] })
})

test('nothing is current before the last write, and later writes are judged too', async () => {
  const writing = startWriting(cluster)
  const last = Promise.withResolvers<void>()
  await writing.create(web(namespace, 'first'))
  let ended = false
  const judging = judge(connection, writing, { final: last.promise }).finally(() => {
    ended = true
  })
  await eventually(
    async () =>
      (await cluster.kubectl('-n', namespace, 'get', 'deployment', 'first', '-o', 'jsonpath={.status.availableReplicas}')) === '1',
  )
  await writing.create(web(namespace, 'second'))
  await writing.delete(await writing.create(web(namespace, 'third')))
  expect(ended).toBe(false)
  last.resolve()
  expect(statusesOf(await judging)).toEqual({ first: 'Current', second: 'Current' })
})

test('a definition is waited for until it is established; a custom resource without a status is unverified', async () => {
  const writing = startWriting(cluster)
  const group = `${namespace}.example.test`
  await writing.create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  })
  expect(statusesOf(await judge(connection, writing))).toEqual({ [`widgets.${group}`]: 'Current' })
  const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'one', namespace }, spec: { size: 1 } }
  await eventually(() => writing.create(widget).then(() => true))
  const verdict = await judge(connection, writing, { graces: { statusless: 0.5 } })
  expect(verdict).toMatchObject({ outcome: 'current', notes: ['Widget one: it exists; nothing in its status says that it is ready'] })
  await cluster.api('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`)
})

test('a claim that waits for its first pod is not waited for', async () => {
  const writing = startWriting(cluster)
  const storageClassName = `late-${namespace}`
  await cluster.apply({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: storageClassName },
    provisioner: 'example.test/none',
    volumeBindingMode: 'WaitForFirstConsumer',
  })
  await writing.create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace },
    spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  })
  expect((await judge(connection, writing)).objects[0]?.assessment).toMatchObject({
    status: 'Current',
    message: 'it binds when a pod uses it',
  })
  await cluster.api('DELETE', `/apis/storage.k8s.io/v1/storageclasses/${storageClassName}`)
})

test('a quota that leaves no room fails with its name, for kinds with a condition and for those with events only', async () => {
  const crowded = await freshNamespace(cluster)
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'no-pods', namespace: crowded },
    spec: { hard: { pods: '0' } },
  })
  await eventually(
    async () => (await cluster.kubectl('-n', crowded, 'get', 'resourcequota', 'no-pods', '-o', 'jsonpath={.status.hard.pods}')) === '0',
  )
  const ofDeployment = startWriting(cluster)
  await ofDeployment.create(web(crowded, 'web'))
  const ofJob = startWriting(cluster)
  await ofJob.create({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', namespace: crowded },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.test/busybox:1' }] } } },
  })
  const ofSet = startWriting(cluster)
  await ofSet.create({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: crowded },
    spec: {
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'main', image: 'example.test/busybox:1' }] } },
    },
  })
  const verdicts = await Promise.all([ofDeployment, ofJob, ofSet].map((writing) => judge(connection, writing, { graces: { noPods: 1 } })))
  for (const verdict of verdicts)
    expect(verdict).toMatchObject({
      outcome: 'failed',
      failure: { class: 'quota_exceeded', sentence: expect.stringContaining('exceeded quota: no-pods') },
    })
  expect(verdicts[0]?.failure?.chain.map(({ kind }) => kind)).toEqual(['Deployment', 'ReplicaSet', 'Event'])
})

test('a pod that no node takes is told at once and fails after its grace', async () => {
  const writing = startWriting(cluster)
  const object = web(namespace, 'homeless')
  Object.assign((object['spec'] as { template: { spec: object } }).template.spec, { nodeSelector: { 'no-such': 'label' } })
  await writing.create(object)
  const verdict = await judge(connection, writing, { graces: { unschedulable: 1.5 } })
  expect(verdict).toMatchObject({ outcome: 'failed', failure: { class: 'unschedulable' } })
  expect(verdict.failure?.sentence).toContain("didn't match Pod's node affinity/selector")
  expect(
    verdict.progress.some(([entry]) => entry?.assessment.status === 'InProgress' && entry.assessment.message.includes('no node takes pod')),
  ).toBe(true)
})

test('when the deadline passes, what was waited for is said', async () => {
  const writing = startWriting(cluster)
  const object = web(namespace, 'late')
  Object.assign((object['spec'] as { template: { spec: object } }).template.spec, { nodeSelector: { 'no-such': 'label' } })
  await writing.create(object)
  const verdict = await judge(connection, writing, { deadlineAt: before(2000) })
  expect(verdict).toMatchObject({ outcome: 'deadline', failure: { class: 'unschedulable', object: { name: 'late' } } })
})

test('what does not move at all fails with what it waits for', async () => {
  const writing = startWriting(cluster)
  await writing.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'outside', namespace },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
  })
  const verdict = await judge(connection, writing, { graces: { noActivity: 1 } })
  expect(verdict).toMatchObject({
    outcome: 'failed',
    failure: { class: 'stalled', sentence: expect.stringContaining('its load balancer has no address yet') },
  })
})

test('an object that vanishes is no success', async () => {
  const writing = startWriting(cluster)
  await writing.create(web(namespace, 'ghost', { replicas: 2 }))
  await cluster.kubectl('-n', namespace, 'delete', 'deployment', 'ghost')
  expect(await judge(connection, writing, { graces: { vanished: 0.5 } })).toMatchObject({
    outcome: 'failed',
    failure: { class: 'vanished' },
  })
})

test('an aborted verification ends with the reason', async () => {
  const writing = startWriting(cluster)
  await writing.create(web(namespace, 'aborted'))
  const abort = new AbortController()
  const judging = judge(connection, writing, { final: new Promise(() => {}), signal: abort.signal })
  abort.abort(new Error('cancelled by somebody'))
  await expect(judging).rejects.toThrow('cancelled by somebody')
})

test('a connection that is cut silently is noticed within 15 seconds', async () => {
  const proxy = await startProxy(Number(new URL(cluster.server).port))
  const through = adminConnection(cluster, proxy.port)
  const writing = startWriting(cluster)
  const object = await writing.create(web(namespace, 'cut'))
  const last = Promise.withResolvers<void>()
  let seen = false
  const judging = judge(through, writing, {
    final: last.promise,
    onProgress: ([entry]) => {
      seen ||= entry?.assessment.status === 'Current'
    },
  })
  await eventually(() => seen)
  proxy.freeze()
  await writing.patch({ apiVersion: 'apps/v1', kind: 'Deployment', ...object }, { spec: { replicas: 2 } })
  last.resolve()
  const begun = performance.now()
  expect((await judging).outcome).toBe('current')
  expect(performance.now() - begun).toBeLessThan(15_000)
  through.close()
  await proxy.stop()
})

test('an account that may read its objects by name only is judged by polling', async () => {
  const token = await cluster.serviceAccountToken(namespace, 'narrow')
  const rbac = 'rbac.authorization.k8s.io/v1'
  await cluster.apply(
    {
      apiVersion: rbac,
      kind: 'Role',
      metadata: { name: 'narrow', namespace },
      rules: [{ apiGroups: ['apps'], resources: ['deployments'], resourceNames: ['narrow-a', 'narrow-b'], verbs: ['get'] }],
    },
    {
      apiVersion: rbac,
      kind: 'RoleBinding',
      metadata: { name: 'narrow', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'narrow' },
      subjects: [{ kind: 'ServiceAccount', name: 'narrow', namespace }],
    },
  )
  const writing = startWriting(cluster)
  await writing.create(web(namespace, 'narrow-a'))
  await writing.create(web(namespace, 'narrow-b'))
  const narrow = tokenConnection(cluster, token)
  const verdict = await judge(narrow, writing)
  narrow.close()
  expect(statusesOf(verdict)).toEqual({ 'narrow-a': 'Current', 'narrow-b': 'Current' })
  expect(verdict.objects.map(({ assessment }) => assessment.rule)).toEqual(['Deployment', 'Deployment'])
  expect(verdict.notes).toContain('the pods of Deployment narrow-a may not be read, so only its own status is known')
})

test('a change of only what the controller did not see yet is not taken for done', async () => {
  const writing = startWriting(cluster)
  const object = await writing.create(web(namespace, 'twice'))
  expect((await judge(connection, writing)).outcome).toBe('current')
  await writing.patch({ apiVersion: 'apps/v1', kind: 'Deployment', ...object }, { spec: { replicas: 4 } })
  const verdict = await judge(connection, writing)
  expect(verdict.objects[0]?.assessment.message).toBe('4 of 4 replicas are available')
  await mergePatch(cluster, `/apis/apps/v1/namespaces/${namespace}/deployments/twice`, { spec: { replicas: 0 } })
})
