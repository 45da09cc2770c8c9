/** One rule of a Role or ClusterRole. */
export interface PolicyRule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

const read = ['get', 'list', 'watch']
const write = [...read, 'create', 'update', 'patch', 'delete']

/**
 * What steps need where they may write: the kinds that Kubernetes brings for applications. No roles and bindings, by which a deployer
 * could give itself more, and no exec into pods.
 */
export const deployerRules: readonly PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['configmaps', 'persistentvolumeclaims', 'pods', 'replicationcontrollers', 'secrets', 'serviceaccounts', 'services'],
    verbs: write,
  },
  { apiGroups: [''], resources: ['endpoints', 'events', 'limitranges', 'pods/log', 'resourcequotas'], verbs: read },
  {
    apiGroups: ['apps'],
    resources: ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'statefulsets', 'statefulsets/scale'],
    verbs: write,
  },
  { apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: read },
  { apiGroups: ['batch'], resources: ['cronjobs', 'jobs'], verbs: write },
  { apiGroups: ['autoscaling'], resources: ['horizontalpodautoscalers'], verbs: write },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'networkpolicies'], verbs: write },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: write },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: read },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: read },
]

/** What minting needs where the Secrets of attempts are: nothing else, and tokens of the one deployer and its own next one only. */
export const bootstrapRules = (deployer: string, bootstrap: string): readonly PolicyRule[] => [
  { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [deployer, bootstrap], verbs: ['create'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'list'] },
]
