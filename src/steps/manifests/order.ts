import type { ManifestObject } from './object.ts'

type Kind = Pick<ManifestObject, 'group' | 'kind'>

export const isNamespace = ({ group, kind }: Kind): boolean => group === '' && kind === 'Namespace'
export const isDefinition = ({ group, kind }: Kind): boolean => group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition'

const rbac = 'rbac.authorization.k8s.io'

/**
 * What must be there before what: namespaces and CRDs, then limits and who may do what, then what pods read, then storage,
 * then services before workloads (whose environment names them), the rest, and webhooks last, since they could refuse the others.
 * Kinds are written `Kind.group`: another group's Service or Role has no place of its own.
 */
const before: readonly (readonly string[])[] = [
  ['Namespace.'],
  ['CustomResourceDefinition.apiextensions.k8s.io'],
  ['ResourceQuota.', 'LimitRange.', 'PriorityClass.scheduling.k8s.io', 'RuntimeClass.node.k8s.io', 'NetworkPolicy.networking.k8s.io'],
  ['ServiceAccount.', `ClusterRole.${rbac}`, `Role.${rbac}`],
  [`ClusterRoleBinding.${rbac}`, `RoleBinding.${rbac}`],
  ['ConfigMap.', 'Secret.'],
  ['StorageClass.storage.k8s.io', 'PersistentVolume.', 'PersistentVolumeClaim.'],
  ['Service.'],
]
const last: readonly string[] = [
  'APIService.apiregistration.k8s.io',
  ...[
    'ValidatingWebhookConfiguration',
    'MutatingWebhookConfiguration',
    'ValidatingAdmissionPolicy',
    'ValidatingAdmissionPolicyBinding',
  ].map((kind) => `${kind}.admissionregistration.k8s.io`),
]

const rankOf = ({ group, kind }: Kind): number => {
  const name = `${kind}.${group}`
  const found = before.findIndex((kinds) => kinds.includes(name))
  if (found !== -1) return found
  return before.length + 1 + last.indexOf(name)
}

/** Objects in the order in which they are applied; within a rank as their author had them. */
export const inOrder = (objects: readonly ManifestObject[]): ManifestObject[] => objects.toSorted((a, b) => rankOf(a) - rankOf(b))
