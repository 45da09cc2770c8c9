import type { Policy, PolicyGrant } from '../model/target.ts'
import type { RequestInfo } from './path.ts'
import type { Refusal } from './status.ts'

/** What policy must know of a body: only some requests are looked into. */
export interface BodyFacts {
  /** The `type` of a Secret; undefined when the body says none. */
  readonly secretType?: string
  /** The name of a created object, where the path has none. */
  readonly name?: string
  /** Whether the body could not be read, because of its encoding. */
  readonly unreadable: boolean
}

const readVerbs: readonly string[] = ['get', 'list', 'watch']
const webhookGroup = 'admissionregistration.k8s.io'
const webhookResources: readonly string[] = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']
/** The type of a Secret that the token controller fills with a token that never expires. */
const tokenSecret = 'kubernetes.io/service-account-token'
/** Paths without a resource that clients need before they can do anything. */
const openPaths = /^\/(?:api|apis|openapi|version|healthz|livez|readyz)(?:\/|$)/

const forbid = (code: Refusal['code'], message: string): Refusal => ({ code, http: 403, message })

const described = (info: RequestInfo): string => {
  const resource = `${info.resource}${info.subresource === '' ? '' : `/${info.subresource}`}${info.group === '' ? '' : `.${info.group}`}`
  return `${info.verb} ${resource}${info.name === '' ? '' : ` "${info.name}"`}`
}

const isWrite = (info: RequestInfo): boolean => !readVerbs.includes(info.verb)

/** Whether the body has to be known before the policy can decide. */
export const needsBody = (info: RequestInfo): boolean =>
  info.isResource &&
  info.group === '' &&
  ((info.resource === 'secrets' && ['create', 'update', 'patch'].includes(info.verb)) ||
    (info.resource === 'namespaces' && info.verb === 'create' && info.subresource === ''))

/** What is denied unless the target grants it by name. */
const grantNeeded = (info: RequestInfo, body: BodyFacts | undefined): PolicyGrant | undefined => {
  const { group, resource, subresource, verb } = info
  if (subresource === 'proxy' || verb === 'proxy') return 'proxy'
  if (group === '' && resource === 'serviceaccounts' && subresource === 'token') return 'service-account-tokens'
  if (group === '' && resource === 'secrets' && (body?.secretType === tokenSecret || body?.unreadable === true)) return 'token-secrets'
  if (group === '' && resource === 'nodes' && (isWrite(info) || subresource !== '')) return 'nodes'
  if (group === 'certificates.k8s.io' && isWrite(info)) return 'certificate-signing-requests'
  if (group === webhookGroup && webhookResources.includes(resource) && isWrite(info)) return 'webhook-configurations'
  if (verb === 'bind') return 'bind'
  if (verb === 'escalate') return 'escalate'
  if (verb === 'impersonate') return 'impersonate'
  return undefined
}

/** Resources of the core that every client reads by name across namespaces, and that say nothing of other tenants. */
const readableCluster = (info: RequestInfo): boolean =>
  !isWrite(info) && (info.group === 'apiextensions.k8s.io' || (info.group === '' && info.resource === 'nodes') || info.group === 'storage.k8s.io')

/** Resources that have no namespace, as far as Kubernetes itself has them; for custom ones the path tells nothing. */
const clusterScoped = new Set([
  'namespaces',
  'nodes',
  'persistentvolumes',
  'componentstatuses',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'apiservices.apiregistration.k8s.io',
  'storageclasses.storage.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'priorityclasses.scheduling.k8s.io',
  'runtimeclasses.node.k8s.io',
  'ingressclasses.networking.k8s.io',
  'certificatesigningrequests.certificates.k8s.io',
  'flowschemas.flowcontrol.apiserver.k8s.io',
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
])

const reviewGroups: readonly string[] = ['authorization.k8s.io', 'authentication.k8s.io']

const outsideNamespaces = (policy: Policy, info: RequestInfo, body: BodyFacts | undefined): Refusal | undefined => {
  if (policy.namespaces.length === 0) return undefined
  const allowed = policy.namespaces.join(', ')
  const outside = (where: string): Refusal => forbid('gate_namespace', `${described(info)} in ${where} is refused: this target allows the namespaces ${allowed}`)
  if (info.group === '' && info.resource === 'namespaces') {
    const name = info.name === '' ? (info.verb === 'create' ? (body?.name ?? '') : '') : info.name
    if (name === '') return isWrite(info) ? outside('an unnamed namespace') : outside('all namespaces')
    return policy.namespaces.includes(name) ? undefined : outside(`namespace ${name}`)
  }
  if (info.namespace !== '') return policy.namespaces.includes(info.namespace) ? undefined : outside(`namespace ${info.namespace}`)
  if (policy.grants.includes('cluster-scoped-writes') && clusterScoped.has(info.group === '' ? info.resource : `${info.resource}.${info.group}`)) return undefined
  if (readableCluster(info) || reviewGroups.includes(info.group)) return undefined
  return outside(isWrite(info) ? 'the whole cluster' : 'all namespaces')
}

/**
 * Whether a target's policy lets a request through: pure, and the only place where that is decided.
 * @param body facts of the body, for requests that `needsBody` names
 * @returns the refusal, or undefined when it may pass
 */
export const decide = (policy: Policy, info: RequestInfo, body?: BodyFacts): Refusal | undefined => {
  if (!info.isResource) {
    if (openPaths.test(info.path) && (info.verb === 'get' || info.verb === 'head')) return undefined
    return forbid('gate_path', `${info.verb} ${info.path} is not an API path that steps may use`)
  }
  const grant = grantNeeded(info, body)
  if (grant !== undefined && !policy.grants.includes(grant)) return forbid('gate_denied', `${described(info)} is refused: it needs the grant ${grant}`)
  if (policy.verbs.length > 0 && !policy.verbs.includes(info.verb)) return forbid('gate_denied', `${described(info)} is refused: this target allows the verbs ${policy.verbs.join(', ')}`)
  const resource = info.group === '' ? info.resource : `${info.resource}.${info.group}`
  if (policy.resources.length > 0 && !policy.resources.includes(resource))
    return forbid('gate_denied', `${described(info)} is refused: this target allows the resources ${policy.resources.join(', ')}`)
  return outsideNamespaces(policy, info, body)
}
