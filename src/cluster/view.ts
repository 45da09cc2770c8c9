import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject, ObjectRef } from '../model/verdict.ts'
import { type AreUp, createAreUp } from './alive.ts'
import { textAt } from './assess/fields.ts'
import { type ByOwner, byOwner, newestReplicaSet, podsOf } from './owners.ts'
import { collectionPath, getJson } from './read.ts'
import { hasStatus } from './wanted.ts'
import { type Collection, collect } from './watch.ts'

const workloads = new Set(['deployments.apps', 'statefulsets.apps', 'daemonsets.apps', 'replicasets.apps', 'jobs.batch', 'pods.'])

export interface Found {
  /** Whether the object's collection was read. */
  readonly synced: boolean
  /** The server's words when it may not be read. */
  readonly denied?: string
  /** Why it cannot be read just now. */
  readonly trouble?: string
  readonly object?: KubeObject
  /** A Job of this name that is gone, as it was when it went. */
  readonly departed?: KubeObject
}

/** What is known of the cluster, of as much as the wanted objects need: one list and watch for each kind and namespace. */
export interface View {
  /** Begins to watch what these objects need. */
  want(refs: readonly ObjectRef[]): void
  find(ref: ObjectRef): Found
  /** The pods that speak for a workload. */
  podsOf(workload: KubeObject): readonly KubeObject[]
  /** The ReplicaSet of a Deployment's newest revision. */
  replicaSetOf(deployment: KubeObject): KubeObject | undefined
  /** Whether the pods of a namespace and what owns them were read, and how new what is known of them is at least, by performance.now(). */
  pods(namespace: string): { readonly synced: boolean; readonly denied: boolean; readonly readAt: number }
  /** Reads the pods of a namespace anew. */
  refreshPods(namespace: string): void
  /** Whether the containers of pods run on, asked of their nodes. */
  readonly areUp: AreUp
  /** Events of type Warning of a namespace; they are watched from the first question on. */
  warnings(namespace: string): Iterable<KubeObject>
  /** Whether claims of a storage class wait for a pod before they bind; undefined while not known. */
  bindsLate(storageClass: string): boolean | undefined
  /** Why the cluster cannot be read just now. */
  trouble(): string | undefined
  /** The cluster's clock less ours, in ms. */
  clockSkew(): number | undefined
}

/** One object is watched by its name; from the second on the whole collection is, unless that is forbidden. */
interface Kind {
  readonly names: Set<string>
  readonly singles: Map<string, Collection>
  whole: Collection | undefined
}

const podsPath = (namespace: string): string => collectionPath({ group: '', version: 'v1', resource: 'pods', namespace })
const setsPath = (namespace: string): string => collectionPath({ group: 'apps', version: 'v1', resource: 'replicasets', namespace })

/** @param onChange called after every change of anything watched */
export const createView = (connection: ClusterConnection, signal: AbortSignal, onChange: () => void): View => {
  const kinds = new Map<string, Kind>()
  const events = new Map<string, Collection>()
  const indexes = new Map<string, { readonly revision: number; readonly index: ByOwner }>()
  const lateBinding = new Map<string, boolean | undefined>()

  const kindAt = (path: string): Kind => {
    const known = kinds.get(path) ?? { names: new Set(), singles: new Map(), whole: undefined }
    kinds.set(path, known)
    return known
  }

  const wantAll = (path: string): void => {
    const kind = kindAt(path)
    kind.whole ??= collect(connection, { path }, signal, onChange)
  }

  const wantOne = (path: string, name: string): void => {
    const kind = kindAt(path)
    kind.names.add(name)
    if (kind.whole === undefined && kind.names.size > 1) wantAll(path)
    if (kind.whole?.synced() === true) {
      for (const single of kind.singles.values()) single.close()
      kind.singles.clear()
    } else if ((kind.whole === undefined || kind.whole.denied() !== undefined) && !kind.singles.has(name))
      kind.singles.set(name, collect(connection, { path, name }, signal, onChange))
  }

  const indexOf = (path: string): ByOwner => {
    const whole = kinds.get(path)?.whole
    if (whole === undefined) return new Map()
    const known = indexes.get(path)
    if (known?.revision === whole.revision()) return known.index
    const index = byOwner(whole.objects().values())
    indexes.set(path, { revision: whole.revision(), index })
    return index
  }

  const collections = (): Collection[] =>
    [...kinds.values()].flatMap(({ whole, singles }) => (whole === undefined ? [...singles.values()] : [whole, ...singles.values()]))

  return {
    want(refs) {
      for (const ref of refs) {
        if (!hasStatus(ref)) continue
        if (ref.namespace !== undefined && workloads.has(`${ref.resource}.${ref.group}`)) {
          wantAll(podsPath(ref.namespace))
          if (ref.resource === 'deployments') wantAll(setsPath(ref.namespace))
        }
        wantOne(collectionPath(ref), ref.name)
      }
    },
    find(ref) {
      const kind = kinds.get(collectionPath(ref))
      const collection = kind?.whole?.synced() === true ? kind.whole : (kind?.singles.get(ref.name) ?? kind?.whole)
      if (collection === undefined) return { synced: false }
      const key = `${ref.namespace ?? ''}/${ref.name}`
      const [object, departed] = [collection.objects().get(key), collection.departed().get(key)]
      const denied = collection.denied()
      const trouble = collection.trouble()
      return {
        synced: collection.synced(),
        ...(denied === undefined ? {} : { denied }),
        ...(trouble === undefined ? {} : { trouble }),
        ...(object === undefined ? {} : { object }),
        ...(departed === undefined ? {} : { departed }),
      }
    },
    podsOf: (workload) => {
      const namespace = workload.metadata.namespace ?? ''
      return podsOf(workload, indexOf(setsPath(namespace)), indexOf(podsPath(namespace)))
    },
    replicaSetOf: (deployment) => newestReplicaSet(deployment, indexOf(setsPath(deployment.metadata.namespace ?? ''))),
    pods(namespace) {
      const pods = kinds.get(podsPath(namespace))?.whole
      const sets = kinds.get(setsPath(namespace))?.whole
      return {
        synced: pods?.synced() === true && sets?.synced() !== false,
        denied: pods?.denied() !== undefined || sets?.denied() !== undefined,
        readAt: pods?.readAt() ?? Number.NEGATIVE_INFINITY,
      }
    },
    refreshPods: (namespace) => kinds.get(podsPath(namespace))?.whole?.refresh(),
    areUp: createAreUp(connection, signal),
    warnings(namespace) {
      const path = collectionPath({ group: '', version: 'v1', resource: 'events', namespace })
      const known = events.get(namespace) ?? collect(connection, { path, fields: 'type=Warning' }, signal, onChange)
      events.set(namespace, known)
      return known.objects().values()
    },
    bindsLate(storageClass) {
      if (lateBinding.has(storageClass)) return lateBinding.get(storageClass)
      lateBinding.set(storageClass, undefined)
      const path = `/apis/storage.k8s.io/v1/storageclasses/${encodeURIComponent(storageClass)}`
      getJson<KubeObject>(connection, path, signal)
        .then(({ body }) => {
          lateBinding.set(storageClass, textAt(body, 'volumeBindingMode') === 'WaitForFirstConsumer')
          onChange()
        })
        // Its claims are then waited for, as for a class that binds at once.
        .catch(() => {})
      return undefined
    },
    trouble: () =>
      collections()
        .find((collection) => collection.trouble() !== undefined)
        ?.trouble(),
    clockSkew: () =>
      collections()
        .find((collection) => collection.clockSkew() !== undefined)
        ?.clockSkew(),
  }
}
