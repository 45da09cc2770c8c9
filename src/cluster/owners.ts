import type { KubeObject } from '../model/verdict.ts'
import { part, textAt } from './assess/fields.ts'

const ownedBy = (object: KubeObject, uid: string): boolean => object.metadata.ownerReferences?.some((owner) => owner.uid === uid) === true

/** Annotation by which the Deployment controller numbers its ReplicaSets (Kubernetes docs: well-known annotations). */
const revisionOf = (object: KubeObject): number => Number(object.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0)

/** The ReplicaSet of a Deployment's newest revision: pods of older ones say nothing of this rollout. */
export const newestReplicaSet = (deployment: KubeObject, replicaSets: Iterable<KubeObject>): KubeObject | undefined => {
  const uid = deployment.metadata.uid ?? ''
  let newest: KubeObject | undefined
  for (const set of replicaSets) if (ownedBy(set, uid) && (newest === undefined || revisionOf(set) > revisionOf(newest))) newest = set
  return newest !== undefined && revisionOf(newest) >= revisionOf(deployment) ? newest : undefined
}

/**
 * The pods that speak for a workload: those of its newest revision.
 * @param replicaSets and pods of its namespace
 */
export const podsOf = (workload: KubeObject, replicaSets: Iterable<KubeObject>, pods: Iterable<KubeObject>): KubeObject[] => {
  if (workload.kind === 'Pod') return [workload]
  const owner = workload.kind === 'Deployment' ? newestReplicaSet(workload, replicaSets) : workload
  const uid = owner?.metadata.uid
  if (uid === undefined) return []
  const owned = [...pods].filter((pod) => ownedBy(pod, uid) && pod.metadata.deletionTimestamp === undefined)
  const revision = workload.kind === 'StatefulSet' ? textAt(part(workload, 'status'), 'updateRevision') : undefined
  return revision === undefined ? owned : owned.filter((pod) => pod.metadata.labels?.['controller-revision-hash'] === revision)
}
