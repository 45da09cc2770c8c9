import type { KubeObject } from '../model/verdict.ts'
import { numberAt, part, textAt } from './assess/fields.ts'

/** Annotation by which the Deployment controller numbers its ReplicaSets (Kubernetes docs: well-known annotations). */
const revisionOf = (object: KubeObject): number => Number(object.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)

/** Objects by the uid of each of their owners. */
export type ByOwner = ReadonlyMap<string, readonly KubeObject[]>

export const byOwner = (objects: Iterable<KubeObject>): ByOwner => {
  const index = new Map<string, KubeObject[]>()
  for (const object of objects)
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const owned = index.get(uid)
      if (owned === undefined) index.set(uid, [object])
      else owned.push(object)
    }
  return index
}

/** The ReplicaSet of a Deployment's newest revision: pods of older ones say nothing of this rollout. */
export const newestReplicaSet = (deployment: KubeObject, replicaSets: ByOwner): KubeObject | undefined => {
  let newest: KubeObject | undefined
  for (const set of replicaSets.get(deployment.metadata.uid ?? '') ?? [])
    if (newest === undefined || revisionOf(set) > revisionOf(newest)) newest = set
  return newest !== undefined && revisionOf(newest) >= revisionOf(deployment) ? newest : undefined
}

/** Whether a pod is of the revision that its StatefulSet or DaemonSet now wants. */
const isNewest = (workload: KubeObject, pod: KubeObject): boolean => {
  const labels = pod.metadata.labels ?? {}
  if (workload.kind === 'StatefulSet') {
    const revision = textAt(part(workload, 'status'), 'updateRevision')
    return revision === undefined || labels['controller-revision-hash'] === revision
  }
  // The DaemonSet's controller counts its templates in this annotation and labels each pod with the count (Kubernetes: pkg/controller/daemon).
  const template = workload.metadata.annotations?.['deprecated.daemonset.template.generation']
  const count = numberAt(labels, 'pod-template-generation')
  return workload.kind !== 'DaemonSet' || template === undefined || count === undefined || count === Number(template)
}

/**
 * The pods that speak for a workload: those of its newest revision that are not being deleted.
 * @param replicaSets and pods of its namespace
 */
export const podsOf = (workload: KubeObject, replicaSets: ByOwner, pods: ByOwner): readonly KubeObject[] => {
  if (workload.kind === 'Pod') return [workload]
  const owner = workload.kind === 'Deployment' ? newestReplicaSet(workload, replicaSets) : workload
  const owned = pods.get(owner?.metadata.uid ?? '') ?? []
  return owned.filter((pod) => pod.metadata.deletionTimestamp === undefined && isNewest(workload, pod))
}
