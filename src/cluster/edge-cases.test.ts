import { expect, test } from 'vitest'
import { crashing, deployment, iso, pod, probe, replicaSet, start, unavailable, up, waitingFor } from '../../tests/support/judge-scene.ts'
import type { KubeObject } from '../model/verdict.ts'
import { isList } from '../steps/manifests/lists.ts'
import { assess } from './assess/index.ts'

/** Cases that break at least one of the other deploy engines; numbers as in the note on them. */
interface EdgeCase {
  readonly no: number
  readonly what: string
  readonly check: () => void
}

const custom = (status: object, more: object = {}): KubeObject => ({
  apiVersion: 'example.test/v1',
  kind: 'Widget',
  metadata: { name: 'w', generation: 2 },
  status,
  ...more,
})
const set = (spec: object, status: object): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'web', namespace: 'shop', uid: 'd', generation: 1 },
  spec,
  status: { observedGeneration: 1, ...status },
})
const job = (status: object, spec: object = {}): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'web', namespace: 'shop', uid: 'd' },
  spec,
  status,
})
const jobRef = { group: 'batch', resource: 'jobs', kind: 'Job', uid: 'd' }
const ready = [{ type: 'Ready', status: 'True' }]
const overdue = (at: number): object => ({
  ...unavailable,
  conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', lastUpdateTime: iso(at) }],
})
const saying = (object: KubeObject): string => assess(object).status

const cases: readonly EdgeCase[] = [
  {
    no: 1,
    what: 'an observed generation that is a text',
    check: () => {
      expect(saying(custom({ observedGeneration: '2', conditions: ready }))).toBe('Current')
      expect(saying(custom({ observedGeneration: '1', conditions: ready }))).toBe('InProgress')
      // What older Argo Rollouts write there is no number at all.
      expect(saying(custom({ observedGeneration: '6f9bc8d5b', conditions: ready }))).toBe('Current')
    },
  },
  {
    no: 2,
    what: 'a status that was read before the controller saw the object',
    check: () => {
      expect(saying(custom({}))).toBe('InProgress')
      expect(saying({ ...deployment(), status: {} })).toBe('InProgress')
    },
  },
  {
    no: 3,
    what: 'a progress deadline of the rollout before',
    check: () => {
      expect(start({ object: deployment({ status: overdue(-10_000) }), sets: [replicaSet(2)] }).look(0).failure).toBeUndefined()
      expect(saying(deployment({ status: { ...overdue(-10_000), observedGeneration: 1 } }))).toBe('InProgress')
      expect(start({ object: deployment({ status: overdue(60_000) }), sets: [replicaSet(2)] }).look(0).failure?.class).toBe(
        'progress_deadline',
      )
    },
  },
  {
    no: 4,
    what: 'maxUnavailable that allows for no pod at all',
    check: () => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 5 } }
      expect(saying(deployment({ spec: { replicas: 5, strategy }, status: { replicas: 5, updatedReplicas: 5, ...unavailable } }))).toBe(
        'InProgress',
      )
    },
  },
  {
    no: 5,
    what: 'replicas that an autoscaler changes, that are absent, that are none',
    check: () => {
      expect(saying(deployment({ spec: { replicas: 3 }, status: { replicas: 3, updatedReplicas: 3, availableReplicas: 3 } }))).toBe(
        'Current',
      )
      expect(saying(deployment({ spec: { replicas: undefined } }))).toBe('Current')
      expect(saying(deployment({ spec: { replicas: undefined }, status: unavailable }))).toBe('InProgress')
      expect(saying(deployment({ spec: { replicas: 0 }, status: { replicas: 0, updatedReplicas: 0, ...unavailable } }))).toBe('Current')
    },
  },
  {
    no: 6,
    what: 'an image that cannot be pulled: not at the first attempt, and not never',
    check: () => {
      const object = deployment({ status: unavailable })
      const { scene, look } = start({ object, sets: [replicaSet(2)], pods: [pod('a', waitingFor('ErrImagePull'))] })
      expect(look(0).failure).toBeUndefined()
      scene.pods = [pod('a', waitingFor('ImagePullBackOff'))]
      expect(look(60_000).failure?.class).toBe('image_pull')
    },
  },
  {
    no: 7,
    what: 'init containers and sidecars that fail while their pod is Pending',
    check: () => {
      for (const restartPolicy of [undefined, 'Always']) {
        const status = { phase: 'Pending', containerStatuses: [], initContainerStatuses: [{ name: 'setup', ...crashing(3) }] }
        const spec = { initContainers: [{ name: 'setup', restartPolicy }], containers: [{ name: 'main' }] }
        const { look } = start({
          object: deployment({ status: unavailable }),
          sets: [replicaSet(2)],
          pods: [pod('a', {}, { status, spec })],
        })
        expect(look(0).failure).toMatchObject({ class: 'crash_loop', container: 'setup' })
      }
    },
  },
  {
    no: 8,
    what: 'a quota that leaves no pod to look at',
    check: () => {
      const conditions = [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: small' }]
      const told = start({ object: deployment({ status: { ...unavailable, conditions } }), sets: [replicaSet(2)] })
      told.look(0)
      expect(told.look(30_000).failure?.class).toBe('quota_exceeded')
      const event = { metadata: { name: 'e' }, reason: 'FailedCreate', involvedObject: { uid: 'd' }, lastTimestamp: iso(2000) }
      const untold = start({ object: set({ replicas: 1 }, {}), events: [{ ...event, message: 'exceeded quota: small' }] })
      untold.look(0)
      untold.look(3000)
      expect(untold.look(33_000).failure?.class).toBe('quota_exceeded')
    },
  },
  {
    no: 9,
    what: 'a claim that waits rightly for its first pod',
    check: () => {
      const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' }, status: { phase: 'Pending' } }
      expect(assess(claim, { bindsLate: true }).status).toBe('Current')
      expect(assess(claim, { bindsLate: false }).status).toBe('InProgress')
    },
  },
  {
    no: 10,
    what: 'no load balancer: an Ingress is not waited for, a Service says what it waits for',
    check: () => {
      const ingress = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'web' }, status: { loadBalancer: {} } }
      expect(saying(ingress)).toBe('Current')
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { type: 'LoadBalancer' } }
      expect(assess(service)).toMatchObject({ status: 'InProgress', message: 'its load balancer has no address yet' })
      expect(saying({ ...service, spec: { type: 'NodePort' } })).toBe('Current')
    },
  },
  {
    no: 11,
    what: 'a Job that cleans itself up, that is made anew under its name, whose pods may fail',
    check: () => {
      const { scene, status } = start({ object: job({ conditions: [{ type: 'Complete', status: 'True' }] }) })
      expect(status(0, jobRef)).toBe('Current')
      scene.object = undefined
      expect(status(1e6, jobRef)).toBe('Current')
      scene.object = job({ conditions: [{ type: 'Complete', status: 'True' }] })
      expect(status(1e6, { ...jobRef, uid: 'another' })).toBe('NotFound')
      expect(saying(job({ failed: 3 }, { backoffLimit: 6 }))).toBe('InProgress')
    },
  },
  {
    no: 12,
    what: 'pods of the old ReplicaSet that crash do not fail the new rollout',
    check: () => {
      const object = deployment({ container: { readinessProbe: probe } })
      const pods = [pod('old', crashing(9), { owner: 'rs-1' }), pod('new', up)]
      expect(start({ object, sets: [replicaSet(1), replicaSet(2)], pods }).look(0)).toMatchObject({ assessment: { status: 'Current' } })
    },
  },
  {
    no: 13,
    what: 'events of an earlier deployment say nothing',
    check: () => {
      const event = { metadata: { name: 'e' }, reason: 'FailedCreate', involvedObject: { uid: 'd' }, lastTimestamp: iso(-3_000_000) }
      const { look } = start({ object: set({ replicas: 1 }, {}), events: [{ ...event, message: 'exceeded quota: small' }] })
      look(0)
      expect(look(60_000).suspect).toBeUndefined()
    },
  },
  {
    no: 14,
    what: 'no node has room while an autoscaler adds one',
    check: () => {
      const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' }]
      const pods = [pod('a', {}, { status: { phase: 'Pending', containerStatuses: [], conditions } })]
      const { look } = start({ object: deployment({ status: unavailable }), sets: [replicaSet(2)], pods })
      expect(look(0).suspect?.class).toBe('unschedulable')
      expect(look(120_000).failure).toBeUndefined()
      expect(look(180_000).failure?.class).toBe('unschedulable')
    },
  },
  {
    no: 15,
    what: 'partitions, OnDelete, minReadySeconds, pauses, suspended Jobs, Lists, and a namespace that goes',
    check: () => {
      const rolling = { replicas: 3, updateStrategy: { rollingUpdate: { partition: 2 } } }
      expect(saying(set(rolling, { replicas: 3, readyReplicas: 3, updatedReplicas: 1 }))).toBe('Current')
      expect(saying(set(rolling, { replicas: 3, readyReplicas: 3, updatedReplicas: 0 }))).toBe('InProgress')
      const revisions = { currentRevision: 'a', updateRevision: 'b' }
      expect(saying(set({ replicas: 1, updateStrategy: { type: 'OnDelete' } }, { replicas: 1, readyReplicas: 1, ...revisions }))).toBe(
        'Current',
      )
      expect(saying(deployment({ spec: { minReadySeconds: 60 }, status: { readyReplicas: 1, availableReplicas: 0 } }))).toBe('InProgress')
      expect(saying(deployment({ spec: { paused: true } }))).toBe('Suspended')
      expect(saying(job({}, { suspend: true }))).toBe('Suspended')
      expect(isList({ kind: 'List', items: [] })).toBe(true)
      const leaving = { name: 'shop', deletionTimestamp: iso(0) }
      expect(saying({ apiVersion: 'v1', kind: 'Namespace', metadata: leaving, status: { phase: 'Terminating' } })).toBe('Terminating')
    },
  },
  {
    no: 16,
    what: 'an APIService whose server is dead is not current, and says why',
    check: () => {
      const conditions = [{ type: 'Available', status: 'False', message: 'no endpoints for service' }]
      const service = { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: 'v1.x' } }
      expect(assess({ ...service, status: { conditions } })).toMatchObject({ status: 'InProgress', message: 'no endpoints for service' })
      expect(saying(service)).toBe('InProgress')
    },
  },
  {
    no: 17,
    what: 'fields that a rule looks at and that are missing are an answer, not an endless wait',
    check: () => {
      for (const object of [
        { ...deployment(), spec: undefined },
        { ...deployment(), status: undefined },
        custom({ conditions: [{}] }),
        { metadata: {} },
      ])
        expect(assess(object as unknown as KubeObject).message).toMatch(/\S/)
      const { look, notes } = start({ object: custom({}) })
      look(0, { group: 'example.test', resource: 'widgets', kind: 'Widget' })
      expect(look(5000, { group: 'example.test', resource: 'widgets', kind: 'Widget' }).assessment).toMatchObject({
        status: 'Current',
        rule: 'unverified',
      })
      expect(notes()).toHaveLength(1)
    },
  },
  {
    no: 18,
    what: 'what may be neither listed nor watched counts as written, and that is said',
    check: () => {
      const { look, notes } = start({ found: { denied: 'widgets is forbidden' } })
      expect(look(0).assessment).toMatchObject({ status: 'Current', rule: 'denied' })
      expect(notes()).toEqual(['Deployment web may not be read, so only its write is known'])
    },
  },
]

test.each(cases)('edge case $no: $what', ({ check }) => {
  expect.hasAssertions()
  check()
})

test('all eighteen are here', () => {
  expect(cases.map(({ no }) => no)).toEqual(Array.from({ length: 18 }, (_, at) => at + 1))
})

test('an autoscaler without metrics has the time that new pods take until they have some', () => {
  const conditions = [{ type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'no metrics known' }]
  const object = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web' }, status: { conditions } }
  const { look } = start({ object })
  const ref = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' }
  expect(look(0, ref).assessment.status).toBe('InProgress')
  expect(look(179_000, ref).failure).toBeUndefined()
  expect(look(180_000, ref).failure?.message).toBe('it cannot scale: no metrics known')
})
