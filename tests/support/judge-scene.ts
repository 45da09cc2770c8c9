import { gracesOf } from '../../src/cluster/graces.ts'
import { createJudge, type Looked } from '../../src/cluster/judge.ts'
import { byOwner, newestReplicaSet, podsOf } from '../../src/cluster/owners.ts'
import type { Found, View } from '../../src/cluster/view.ts'
import type { KubeObject, ObjectRef, ObjectStatus } from '../../src/model/verdict.ts'

const since = Date.parse('2026-01-01T12:00:00Z')
export const iso = (ms: number): string => new Date(since + ms).toISOString()

/** A double of the view: what is known is what the test sets. */
interface Scene {
  object: KubeObject | undefined
  sets: KubeObject[]
  pods: KubeObject[]
  events: KubeObject[]
  found: Partial<Found>
  podsReadAt: number
  refreshed: number
  bindsLate: boolean | undefined
  /** What nodes say of containers when asked. */
  up: Promise<boolean>
  skew: number | undefined
}

interface Play {
  readonly scene: Scene
  /** Looks at the object at a time, in ms since the attempt began. */
  look(ms: number, wanted?: Partial<ObjectRef>): Looked
  status(ms: number, wanted?: Partial<ObjectRef>): ObjectStatus
  notes(): readonly string[]
}

/** A judge and what it sees. */
export const start = (given: Partial<Scene> = {}, options: { settleMs?: number } = {}): Play => {
  const scene: Scene = {
    object: undefined,
    sets: [],
    pods: [],
    events: [],
    found: {},
    podsReadAt: 0,
    refreshed: 0,
    bindsLate: undefined,
    up: Promise.resolve(true),
    skew: 0,
    ...given,
  }
  const view: View = {
    want: () => {},
    find: () => ({ synced: true, ...(scene.object === undefined ? {} : { object: scene.object }), ...scene.found }),
    podsOf: (workload) => podsOf(workload, byOwner(scene.sets), byOwner(scene.pods)),
    replicaSetOf: (deployment) => newestReplicaSet(deployment, byOwner(scene.sets)),
    pods: () => ({ synced: true, denied: false, readAt: scene.podsReadAt }),
    refreshPods: () => void scene.refreshed++,
    areUp: () => scene.up,
    warnings: () => scene.events,
    bindsLate: () => scene.bindsLate,
    trouble: () => undefined,
    clockSkew: () => scene.skew,
  }
  let now = 0
  const judge = createJudge({ graces: gracesOf(), since, settleMs: options.settleMs ?? 5000, now: () => now })
  const look = (ms: number, wanted: Partial<ObjectRef> = {}): Looked => {
    now = ms
    const kind = scene.object?.kind ?? 'Deployment'
    const ref = { group: 'apps', version: 'v1', resource: `${kind.toLowerCase()}s`, kind, namespace: 'shop', name: 'web', ...wanted }
    return judge.look(ref, view)
  }
  return {
    scene,
    look,
    status: (ms: number, wanted?: Partial<ObjectRef>) => look(ms, wanted).assessment.status,
    notes: () => judge.notes(),
  }
}

export const probe: object = { httpGet: { path: '/', port: 80 } }

export const deployment = (over: { spec?: object; status?: object; container?: object; metadata?: object } = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'd',
    generation: 2,
    annotations: { 'deployment.kubernetes.io/revision': '2' },
    ...over.metadata,
  },
  spec: { replicas: 1, template: { spec: { containers: [{ name: 'main', image: 'x:1', ...over.container }] } }, ...over.spec },
  status: { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1, ...over.status },
})

export const replicaSet = (revision: number): KubeObject => ({
  kind: 'ReplicaSet',
  metadata: {
    name: `web-${revision}`,
    uid: `rs-${revision}`,
    annotations: { 'deployment.kubernetes.io/revision': String(revision) },
    ownerReferences: [{ kind: 'Deployment', name: 'web', uid: 'd' }],
  },
})

export const pod = (
  name: string,
  container: object,
  over: { owner?: string; created?: string; metadata?: object; spec?: object; status?: object } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    uid: `pod-${name}`,
    creationTimestamp: over.created ?? iso(1000),
    ownerReferences: [{ kind: 'ReplicaSet', name: 'x', uid: over.owner ?? 'rs-2' }],
    ...over.metadata,
  },
  spec: { restartPolicy: 'Always', containers: [{ name: 'main', image: 'x:1' }], ...over.spec },
  status: { phase: 'Running', containerStatuses: [{ name: 'main', restartCount: 0, containerID: 'c-1', ...container }], ...over.status },
})

export const up: object = { ready: true, state: { running: { startedAt: iso(1000) } } }
export const waitingFor = (reason: string, message: string = reason): object => ({ ready: false, state: { waiting: { reason, message } } })
export const crashing = (restartCount: number): object => ({
  restartCount,
  ready: false,
  state: { waiting: { reason: 'CrashLoopBackOff' } },
  lastState: { terminated: { exitCode: 3, reason: 'Error' } },
})
export const unavailable: object = { availableReplicas: 0, readyReplicas: 0 }
