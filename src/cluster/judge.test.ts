import { expect, test } from 'vitest'
import { crashing, deployment, iso, pod, probe, replicaSet, start, unavailable, up, waitingFor } from '../../tests/support/judge-scene.ts'
import type { KubeObject } from '../model/verdict.ts'

test('a probed workload is current at once', () => {
  const { status, notes } = start({
    object: deployment({ container: { readinessProbe: probe } }),
    sets: [replicaSet(2)],
    pods: [pod('a', up)],
  })
  expect(status(0)).toBe('Current')
  expect(notes()).toEqual([])
})

test('minReadySeconds need no settle time either', () => {
  expect(start({ object: deployment({ spec: { minReadySeconds: 3 } }), sets: [replicaSet(2)], pods: [pod('a', up)] }).status(0)).toBe(
    'Current',
  )
})

test('without a probe it has to stay up, and that is read anew at the end', async () => {
  const { scene, status, notes } = start({ object: deployment(), sets: [replicaSet(2)], pods: [pod('a', up)] })
  expect(status(100)).toBe('InProgress')
  expect(status(5099)).toBe('InProgress')
  await scene.up
  expect(scene.refreshed).toBe(0)
  expect(status(5100)).toBe('InProgress')
  expect(scene.refreshed).toBe(1)
  scene.podsReadAt = 5101
  expect(status(5110)).toBe('Current')
  expect(notes()).toEqual(['Deployment web has a container without a readiness probe: it was watched for 5 s'])
})

test('a container that its node says has ended begins the settle time anew, though the API server does not know it yet', async () => {
  const { scene, status } = start({
    object: deployment(),
    sets: [replicaSet(2)],
    pods: [pod('a', up)],
    podsReadAt: 1e9,
    up: Promise.resolve(false),
  })
  for (const at of [0, 5000, 10_000]) {
    expect(status(at)).toBe('InProgress')
    await scene.up
  }
  // Said twice without the API server agreeing: the node cannot follow logs.
  expect(status(14_999)).toBe('InProgress')
  expect(status(15_000)).toBe('Current')
})

test('a restart, an end or a new pod begins the settle time anew', () => {
  for (const change of [
    { ...up, restartCount: 1 },
    { ready: false, state: { terminated: { exitCode: 1 } } },
    { ...up, containerID: 'c-2' },
  ]) {
    const { scene, status } = start({ object: deployment(), sets: [replicaSet(2)], pods: [pod('a', up)], podsReadAt: 1e9 })
    status(0)
    scene.pods = [pod('a', change)]
    expect(status(4900)).toBe('InProgress')
    expect(status(5000)).toBe('InProgress')
    scene.pods = [pod('a', { ...up, restartCount: 1 })]
    expect(status(9800)).toBe('InProgress')
  }
})

test('an instance that ran long before this attempt has proven itself', () => {
  const old = { ready: true, state: { running: { startedAt: iso(-3_600_000) } } }
  const { status } = start({ object: deployment(), sets: [replicaSet(2)], pods: [pod('a', old, { created: iso(-3_600_000) })] })
  expect(status(0)).toBe('Current')
})

test('no replicas need no time, and that is said', () => {
  const { status, notes } = start({
    object: deployment({
      spec: { replicas: 0, template: { spec: { containers: [{ name: 'main' }] } } },
      status: { replicas: 0, updatedReplicas: 0, availableReplicas: 0 },
    }),
  })
  expect(status(0)).toBe('Current')
  expect(notes()).toEqual(['Deployment web wants no pods, so nothing of it runs'])
})

test('a crash loop fails at its second restart', () => {
  const { scene, look } = start({ object: deployment({ status: unavailable }), sets: [replicaSet(2)], pods: [pod('a', crashing(1))] })
  expect(look(0).failure).toBeUndefined()
  scene.pods = [pod('a', crashing(2))]
  expect(look(100).failure).toMatchObject({
    class: 'crash_loop',
    name: 'a',
    container: 'main',
    message: expect.stringContaining('exit code was 3'),
  })
})

test('a crash loop fails even while the workload looks well', () => {
  const { look } = start({ object: deployment(), sets: [replicaSet(2)], pods: [pod('a', { ...up, restartCount: 2 })] })
  expect(look(0).failure?.class).toBe('crash_loop')
})

test('restarts from before the attempt do not count', () => {
  const created = iso(-60_000)
  const { scene, look } = start({
    object: deployment({ status: unavailable }),
    sets: [replicaSet(2)],
    pods: [pod('a', crashing(7), { created })],
  })
  expect(look(0).failure).toBeUndefined()
  scene.pods = [pod('a', crashing(9), { created })]
  expect(look(100).failure?.class).toBe('crash_loop')
})

test('pods of older revisions say nothing', () => {
  const { look } = start({
    object: deployment({ status: unavailable }),
    sets: [replicaSet(1), replicaSet(2)],
    pods: [pod('old', crashing(9), { owner: 'rs-1' }), pod('new', waitingFor('ContainerCreating'))],
  })
  expect(look(0).failure).toBeUndefined()
  expect(look(0).suspect).toBeUndefined()
})

test('before the new ReplicaSet is there, the old one’s pods are not taken for its', () => {
  const { look } = start({
    object: deployment({ status: unavailable }),
    sets: [replicaSet(1)],
    pods: [pod('old', crashing(9), { owner: 'rs-1' })],
  })
  expect(look(0).failure).toBeUndefined()
})

test('before the controller has seen the new state, pods are those of the old one', () => {
  const object: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'shop', uid: 'd', generation: 2 },
    spec: { replicas: 1 },
    status: { observedGeneration: 1, updateRevision: 'r1' },
  }
  const { look } = start({
    object,
    pods: [pod('a', crashing(5), { owner: 'd', metadata: { labels: { 'controller-revision-hash': 'r1' } } })],
  })
  expect(look(0).failure).toBeUndefined()
})

test('a DaemonSet’s pods of an older template say nothing', () => {
  const object: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'web', namespace: 'shop', uid: 'd', generation: 2, annotations: { 'deprecated.daemonset.template.generation': '2' } },
    spec: { template: { spec: { containers: [{ name: 'main' }] } } },
    status: { observedGeneration: 2, desiredNumberScheduled: 1 },
  }
  const of = (generation: string): KubeObject =>
    pod('a', crashing(5), { owner: 'd', metadata: { labels: { 'pod-template-generation': generation } } })
  expect(start({ object, pods: [of('1')] }).look(0).failure).toBeUndefined()
  expect(start({ object, pods: [of('2')] }).look(0).failure?.class).toBe('crash_loop')
})

test('an image that cannot be named fails at once, one that cannot be pulled after two attempts', () => {
  const object = deployment({ status: unavailable })
  expect(start({ object, sets: [replicaSet(2)], pods: [pod('a', waitingFor('InvalidImageName'))] }).look(0).failure).toMatchObject({
    class: 'image_pull',
  })
  const { scene, look } = start({ object, sets: [replicaSet(2)], pods: [pod('a', waitingFor('ErrImagePull', 'not found'))] })
  expect(look(0).failure).toBeUndefined()
  expect(look(0).assessment.message).toContain('the image x:1 cannot be pulled: not found')
  scene.pods = [pod('a', waitingFor('ImagePullBackOff'))]
  look(10_000)
  scene.pods = [pod('a', waitingFor('ErrImagePull', 'not found'))]
  expect(look(20_000).failure).toMatchObject({ class: 'image_pull', message: 'the image x:1 cannot be pulled: not found' })
})

test('an init container’s trouble is found', () => {
  const status = {
    phase: 'Pending',
    containerStatuses: [],
    initContainerStatuses: [{ name: 'setup', restartCount: 3, state: { waiting: { reason: 'CrashLoopBackOff' } } }],
  }
  const { look } = start({ object: deployment({ status: unavailable }), sets: [replicaSet(2)], pods: [pod('a', {}, { status })] })
  expect(look(0).failure).toMatchObject({ class: 'crash_loop', container: 'setup' })
})

test('a missing ConfigMap fails after its grace', () => {
  const { look } = start({
    object: deployment({ status: unavailable }),
    sets: [replicaSet(2)],
    pods: [pod('a', waitingFor('CreateContainerConfigError', 'configmap "c" not found'))],
  })
  expect(look(0).failure).toBeUndefined()
  expect(look(30_000).failure).toMatchObject({ class: 'container_config', message: expect.stringContaining('configmap "c" not found') })
})

test('no room on any node is a warning first', () => {
  const conditions = [
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available: 1 Insufficient cpu.' },
  ]
  const { look } = start({
    object: deployment({ status: unavailable }),
    sets: [replicaSet(2)],
    pods: [pod('a', {}, { status: { phase: 'Pending', containerStatuses: [], conditions } })],
  })
  expect(look(0).assessment.message).toContain('Insufficient cpu')
  expect(look(179_000).failure).toBeUndefined()
  expect(look(180_000).failure?.class).toBe('unschedulable')
})

const quota = 'pods "web-1" is forbidden: exceeded quota: small, requested: pods=1'

test('a quota is said by a Deployment’s condition', () => {
  const { look } = start({
    object: deployment({
      status: { ...unavailable, updatedReplicas: 0, conditions: [{ type: 'ReplicaFailure', status: 'True', message: quota }] },
    }),
  })
  look(0)
  expect(look(30_000).failure).toMatchObject({ class: 'quota_exceeded', message: expect.stringContaining('exceeded quota: small') })
})

test('and by events for kinds that have none, but not by those of an earlier rollout', () => {
  const object: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'web', namespace: 'shop', uid: 'd', generation: 2 },
    spec: { replicas: 1 },
    status: { observedGeneration: 2 },
  }
  const event = (at: number): KubeObject => ({
    metadata: { name: 'e' },
    reason: 'FailedCreate',
    involvedObject: { uid: 'd' },
    lastTimestamp: iso(at),
    message: quota,
  })
  const stale = start({ object, events: [event(-60_000)] })
  stale.look(0)
  expect(stale.look(60_000).suspect).toBeUndefined()
  const { look } = start({ object, events: [event(2000)] })
  look(0)
  expect(look(3000).suspect?.class).toBe('quota_exceeded')
  expect(look(33_000).failure?.class).toBe('quota_exceeded')
})

test('a volume that cannot be mounted is told by events', () => {
  const said = (message: string): KubeObject => ({
    metadata: { name: 'e' },
    reason: 'FailedMount',
    involvedObject: { uid: 'pod-a' },
    lastTimestamp: iso(2000),
    message,
  })
  const scene = { object: deployment({ status: unavailable }), sets: [replicaSet(2)], pods: [pod('a', waitingFor('ContainerCreating'))] }
  const config = start({ ...scene, events: [said('MountVolume.SetUp failed for volume "v" : configmap "c" not found')] })
  config.look(0)
  config.look(3000)
  expect(config.look(33_000).failure?.class).toBe('container_config')
  const slow = start({ ...scene, events: [said('timed out waiting for the condition')] })
  slow.look(0)
  slow.look(3000)
  expect(slow.look(33_000)).toMatchObject({ suspect: { class: 'volume_pending' } })
})

const overdue = (at: number): object => ({
  ...unavailable,
  conditions: [
    { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'has timed out', lastUpdateTime: iso(at) },
  ],
})

test('a progress deadline fails, blamed on what kept it from progressing', () => {
  expect(start({ object: deployment({ status: overdue(60_000) }), sets: [replicaSet(2)] }).look(0).failure?.class).toBe('progress_deadline')
  const unready = { ready: false, state: { running: { startedAt: iso(1000) } } }
  const probed = start({
    object: deployment({ status: overdue(60_000) }),
    sets: [replicaSet(2)],
    pods: [pod('a', unready, { spec: { containers: [{ name: 'main', image: 'x:1', readinessProbe: probe }] } })],
  })
  expect(probed.look(0).failure).toMatchObject({ class: 'probe_failing', container: 'main' })
})

test('a progress deadline from before the attempt is none', () => {
  const { scene, look } = start({ object: deployment({ status: overdue(-10_000) }), sets: [replicaSet(2)], pods: [pod('a', crashing(1))] })
  expect(look(0)).toMatchObject({ assessment: { status: 'InProgress' } })
  scene.pods = [pod('a', crashing(2))]
  expect(look(10).failure?.class).toBe('crash_loop')
})

test('the cluster’s own clock decides what is older', () => {
  const object = deployment({ status: overdue(-10_000) })
  expect(start({ object, skew: -20_000 }).look(0).failure?.class).toBe('progress_deadline')
  expect(start({ object: deployment({ status: overdue(10_000) }), skew: 20_000 }).look(0).failure).toBeUndefined()
})

const job = (status: object): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'web', namespace: 'shop', uid: 'd' },
  spec: {},
  status,
})

test('a Job that failed fails at once, one that cleaned itself up has done its work', () => {
  const failed = start({ object: job({ conditions: [{ type: 'Failed', status: 'True', message: 'backoff limit' }] }) })
  expect(failed.look(0).failure?.class).toBe('job_failed')
  const { scene, status } = start({ object: job({ conditions: [{ type: 'Complete', status: 'True' }] }) })
  const ref = { group: 'batch', resource: 'jobs', kind: 'Job', uid: 'd' }
  expect(status(0, ref)).toBe('Current')
  scene.object = undefined
  expect(status(1e6, ref)).toBe('Current')
  expect(status(1e6, { ...ref, uid: 'another' })).toBe('NotFound')
})

test('a Job that was done and gone between two looks has done its work; one that went before its end has not', () => {
  const done = job({ conditions: [{ type: 'Complete', status: 'True' }] })
  const ref = { group: 'batch', resource: 'jobs', kind: 'Job', uid: 'd' }
  expect(start({ found: { departed: done } }).status(0, ref)).toBe('Current')
  const terminating = { ...done, metadata: { ...done.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }
  expect(start({ found: { departed: terminating } }).status(0, ref)).toBe('Current')
  expect(start({ found: { departed: done } }).status(0, { ...ref, uid: 'another' })).toBe('NotFound')
  expect(start({ found: { departed: job({ active: 1 }) } }).status(0, ref)).toBe('NotFound')
  const failed = job({ conditions: [{ type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded' }] })
  expect(start({ found: { departed: failed } }).status(0, ref)).toBe('NotFound')
})

test('what was written and is gone fails after a moment', () => {
  const { look } = start()
  expect(look(0)).toMatchObject({ assessment: { status: 'NotFound' } })
  expect(look(10_000).failure?.class).toBe('vanished')
})

test('another object under the same name is not what was written', () => {
  const { look } = start({ object: deployment({ container: { readinessProbe: probe } }), sets: [replicaSet(2)], pods: [pod('a', up)] })
  expect(look(0, { uid: 'other' }).assessment.status).toBe('NotFound')
  expect(look(0, { uid: 'd' }).assessment.status).toBe('Current')
})

test('an older generation than was written says nothing', () => {
  const { look } = start({ object: deployment({ container: { readinessProbe: probe } }), sets: [replicaSet(2)], pods: [pod('a', up)] })
  expect(look(0, { generation: 3 }).assessment).toMatchObject({ status: 'InProgress', message: expect.stringContaining('not seen yet') })
})

test('a claim whose class binds late is not waited for', () => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'web', namespace: 'shop' },
    spec: { storageClassName: 'late' },
    status: { phase: 'Pending' },
  }
  const { scene, status } = start({ object })
  expect(status(0)).toBe('InProgress')
  scene.bindsLate = true
  expect(status(10)).toBe('Current')
})

test('a custom resource that nobody gives a status is unverified after a while', () => {
  const object: KubeObject = {
    apiVersion: 'example.test/v1',
    kind: 'Widget',
    metadata: { name: 'web', namespace: 'shop', uid: 'w', generation: 1 },
  }
  const { status, notes } = start({ object })
  expect(status(0)).toBe('InProgress')
  expect(status(5000)).toBe('Current')
  expect(notes()).toEqual(['Widget web: it exists; nothing in its status says that it is ready'])
})

test('a custom resource that says it failed may still recover, one that is stalled may not', () => {
  const widget = (status: object): KubeObject => ({
    apiVersion: 'example.test/v1',
    kind: 'Widget',
    metadata: { name: 'web', namespace: 'shop' },
    status,
  })
  const { scene, look } = start({ object: widget({ phase: 'Failed' }) })
  expect(look(0).assessment.status).toBe('InProgress')
  expect(look(30_000).failure?.class).toBe('other')
  scene.object = widget({ phase: 'Ready' })
  expect(start({ object: widget({ conditions: [{ type: 'Stalled', status: 'True' }] }) }).look(0).failure?.class).toBe('stalled')
})

test('what may not be read counts as written, and that is said', () => {
  const { status, notes } = start({ found: { denied: 'forbidden', synced: false } })
  expect(status(0)).toBe('Current')
  expect(notes()).toEqual(['Deployment web may not be read, so only its write is known'])
})
