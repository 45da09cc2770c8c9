import type { ManifestObject } from './documents.ts'

/**
 * What must be there before what: namespaces and CRDs, then who may do what, then what pods read, then storage, then
 * services before workloads (whose environment names them), the rest, and webhooks last, since they could refuse the others.
 */
const order: readonly (readonly string[])[] = [
  ['Namespace'],
  ['CustomResourceDefinition'],
  ['ResourceQuota', 'LimitRange', 'PriorityClass', 'RuntimeClass', 'NetworkPolicy', 'PodDisruptionBudget'],
  ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  ['ConfigMap', 'Secret'],
  ['StorageClass', 'PersistentVolume', 'PersistentVolumeClaim'],
  ['Service'],
]
const last = ['APIService', 'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration']

const rankOf = ({ kind }: ManifestObject): number => {
  const found = order.findIndex((kinds) => kinds.includes(kind))
  if (found !== -1) return found
  return last.includes(kind) ? order.length + 1 : order.length
}

/** Objects in the order in which they are applied; within a rank as their author had them. */
export const inOrder = (objects: readonly ManifestObject[]): ManifestObject[] => objects.toSorted((a, b) => rankOf(a) - rankOf(b))
