import type { ClusterConnection } from '../model/ports.ts'
import type { KubeObject, ObjectRef } from '../model/verdict.ts'
import { collectionPath } from './read.ts'
import { hasStatus } from './wanted.ts'
import { type Collection, collect } from './watch.ts'

const workloads = new Set(['deployments.apps', 'statefulsets.apps', 'daemonsets.apps', 'replicasets.apps', 'jobs.batch', 'pods.'])

/** What is known of the cluster, of as much as the wanted objects need: one list and watch for each kind and namespace. */
export interface View {
  /** Begins to watch what these objects need. */
  want(refs: readonly ObjectRef[]): void
  /** Whether the object's collection was read, and the object when it is there. */
  find(ref: ObjectRef): { readonly synced: boolean; readonly denied?: string; readonly object?: KubeObject }
  pods(namespace: string): Iterable<KubeObject>
  replicaSets(namespace: string): Iterable<KubeObject>
  /** Whether pods of the namespace were read. */
  podsSynced(namespace: string): boolean
}

/** @param onChange called after every change of anything watched */
export const createView = (connection: ClusterConnection, signal: AbortSignal, onChange: () => void): View => {
  const collections = new Map<string, Collection>()
  const open = (path: string): Collection => {
    const known = collections.get(path)
    if (known !== undefined) return known
    const made = collect(connection, path, signal, onChange)
    collections.set(path, made)
    return made
  }
  const podsPath = (namespace: string): string => collectionPath({ group: '', version: 'v1', resource: 'pods', namespace })
  const setsPath = (namespace: string): string => collectionPath({ group: 'apps', version: 'v1', resource: 'replicasets', namespace })
  const objectsAt = (path: string): Iterable<KubeObject> => collections.get(path)?.objects().values() ?? []

  return {
    want(refs) {
      for (const ref of refs) {
        if (!hasStatus(ref)) continue
        open(collectionPath(ref))
        if (ref.namespace === undefined || !workloads.has(`${ref.resource}.${ref.group}`)) continue
        open(podsPath(ref.namespace))
        if (ref.resource === 'deployments') open(setsPath(ref.namespace))
      }
    },
    find(ref) {
      const collection = collections.get(collectionPath(ref))
      if (collection === undefined) return { synced: false }
      const object = collection.objects().get(`${ref.namespace ?? ''}/${ref.name}`)
      const denied = collection.denied()
      return { synced: collection.synced(), ...(denied === undefined ? {} : { denied }), ...(object === undefined ? {} : { object }) }
    },
    pods: (namespace) => objectsAt(podsPath(namespace)),
    replicaSets: (namespace) => objectsAt(setsPath(namespace)),
    podsSynced: (namespace) => {
      const collection = collections.get(podsPath(namespace))
      return collection === undefined || collection.synced() || collection.denied() !== undefined
    },
  }
}
