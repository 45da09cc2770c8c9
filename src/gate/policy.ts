import type { Policy, PolicyGrant } from '../model/target.ts'
import type { BodyFacts } from './facts.ts'
import type { RequestInfo } from './path.ts'
import type { Refusal } from './status.ts'

const readVerbs: readonly string[] = ['get', 'list', 'watch']
const writesObjects: readonly string[] = ['create', 'update', 'patch']
const rbac = 'rbac.authorization.k8s.io'
const webhooks: readonly string[] = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']
/** The type of a Secret that the token controller fills with a token that never expires. */
const tokenSecret = 'kubernetes.io/service-account-token'
/** Paths without a resource that clients need before they can do anything. */
const openPaths = /^\/(?:api|apis|openapi|version|healthz|livez|readyz)(?:\/|$)/

const forbid = (code: Refusal['code'], message: string): Refusal => ({ code, http: 403, message })

const isRole = ({ group, resource }: RequestInfo): boolean => group === rbac && (resource === 'roles' || resource === 'clusterroles')

const nameOf = ({ resource, subresource, group }: RequestInfo): string =>
  `${resource}${subresource === '' ? '' : `/${subresource}`}${group === '' ? '' : `.${group}`}`

const described = (info: RequestInfo): string => `${info.verb} ${nameOf(info)}${info.name === '' ? '' : ` "${info.name}"`}`

const isWrite = (info: RequestInfo): boolean => !readVerbs.includes(info.verb)

/** Whether the body has to be known before the policy can decide. */
export const needsBody = (info: RequestInfo): boolean => {
  if (!info.isResource || info.subresource !== '' || !writesObjects.includes(info.verb)) return false
  if (info.group === '') return info.resource === 'secrets' || (info.resource === 'namespaces' && info.verb === 'create')
  return isRole(info)
}

/** A Role that gives one of the verbs by which RBAC's own limits are left (Kubernetes: RBAC good practices). */
const roleGrants = (body: BodyFacts): PolicyGrant[] => {
  const given = (verb: string): boolean => body.unreadable || (body.verbs ?? []).some((one) => one.startsWith(verb))
  return (['bind', 'escalate', 'impersonate'] as const).filter(given)
}

const bodyGrants = (info: RequestInfo, body: BodyFacts): PolicyGrant[] => {
  if (isRole(info)) return roleGrants(body)
  const isSecret = info.group === '' && info.resource === 'secrets'
  return isSecret && (body.unreadable || body.secretType === tokenSecret) ? ['token-secrets'] : []
}

/**
 * What is denied unless the target grants it by name. Roles are judged by the verbs that they name: a wildcard is left to
 * the API server's own rule that nobody gives what they do not have.
 */
const grantsNeeded = (info: RequestInfo, body: BodyFacts | undefined): PolicyGrant[] => {
  const { group, resource, subresource, verb } = info
  const core = group === ''
  const needed: PolicyGrant[] = []
  if (subresource === 'proxy' || verb === 'proxy') needed.push('proxy')
  if (core && resource === 'serviceaccounts' && subresource === 'token') needed.push('service-account-tokens')
  if (core && resource === 'nodes' && (isWrite(info) || subresource !== '')) needed.push('nodes')
  if (group === 'certificates.k8s.io' && isWrite(info)) needed.push('certificate-signing-requests')
  if (group === 'admissionregistration.k8s.io' && webhooks.includes(resource) && isWrite(info)) needed.push('webhook-configurations')
  return body === undefined ? needed : [...needed, ...bodyGrants(info, body)]
}

/** Kinds that belong to no namespace, say nothing of other tenants, and are looked up by name by charts and their waits. */
const openToRead: ReadonlySet<string> = new Set([
  'customresourcedefinitions.apiextensions.k8s.io',
  'storageclasses.storage.k8s.io',
  'ingressclasses.networking.k8s.io',
  'priorityclasses.scheduling.k8s.io',
  'runtimeclasses.node.k8s.io',
])

/** Reviews answer questions about permissions and store nothing. */
const isReview = ({ group, verb }: RequestInfo): boolean =>
  (group === 'authorization.k8s.io' || group === 'authentication.k8s.io') && verb === 'create'

/**
 * A request without a namespace reaches one object of the whole cluster, or all namespaces at once. Only lists and watches
 * can be the latter: the API server has no other route to several namespaces (k8s.io/apiserver, pkg/endpoints/installer.go).
 */
const spansNamespaces = ({ verb }: RequestInfo): boolean => verb !== 'get' && readVerbs.includes(verb)

const outsideNamespaces = (policy: Policy, info: RequestInfo, body: BodyFacts | undefined): Refusal | undefined => {
  if (policy.namespaces.length === 0) return undefined
  const outside = (where: string): Refusal =>
    forbid('gate_namespace', `${described(info)} in ${where} is refused: this target allows the namespaces ${policy.namespaces.join(', ')}`)
  if (info.group === '' && info.resource === 'namespaces') {
    const name = info.verb === 'create' && info.subresource === '' ? body?.name : info.name
    if (name === undefined || name === '') return outside(isWrite(info) ? 'an unnamed namespace' : 'all namespaces')
    return policy.namespaces.includes(name) ? undefined : outside(`namespace ${name}`)
  }
  if (info.namespace !== '') return policy.namespaces.includes(info.namespace) ? undefined : outside(`namespace ${info.namespace}`)
  if (isReview(info) || (!isWrite(info) && openToRead.has(nameOf(info)))) return undefined
  if (spansNamespaces(info)) return outside('all namespaces')
  return policy.grants.includes('cluster-scoped-writes') ? undefined : outside('the whole cluster')
}

/** As in RBAC: `pods` is not `pods/exec`, which is `pods/exec` or `pods/*`. */
const listed = (resources: readonly string[], info: RequestInfo): boolean =>
  resources.includes(nameOf(info)) || (info.subresource !== '' && resources.includes(nameOf({ ...info, subresource: '*' })))

const isIn = (namespace: string, info: RequestInfo): boolean =>
  info.namespace === namespace || (info.group === '' && info.resource === 'namespaces' && info.name === namespace && isWrite(info))

/**
 * Whether a target's policy lets a request through: pure, and the only place where that is decided.
 * @param body facts of the body, for requests that `needsBody` names
 * @param home the namespace of Telpher's own accounts: with what lies there a job could end attempts, and the chain of the target's credential
 * @returns the refusal, or undefined when it may pass
 */
export const decide = (policy: Policy, info: RequestInfo, body?: BodyFacts, home?: string): Refusal | undefined => {
  if (!info.isResource) {
    if (openPaths.test(info.path) && (info.verb === 'get' || info.verb === 'head')) return undefined
    return forbid('gate_path', `${info.verb} ${info.path} is refused: steps may use API paths only`)
  }
  if (home !== undefined && isIn(home, info))
    return forbid('gate_namespace', `${described(info)} is refused: ${home} has Telpher's own accounts`)
  const facts = needsBody(info) ? (body ?? { unreadable: true }) : undefined
  const missing = grantsNeeded(info, facts).filter((grant) => !policy.grants.includes(grant))
  if (missing.length > 0) {
    const unread = facts?.unreadable === true ? ', since its body could not be read' : ''
    return forbid('gate_denied', `${described(info)} is refused: it needs the grant ${missing.join(' and ')}${unread}`)
  }
  const only = (what: string, allowed: readonly string[]): Refusal =>
    forbid('gate_denied', `${described(info)} is refused: this target allows the ${what} ${allowed.join(', ')}`)
  if (policy.verbs.length > 0 && !policy.verbs.includes(info.verb)) return only('verbs', policy.verbs)
  if (policy.resources.length > 0 && !listed(policy.resources, info)) return only('resources', policy.resources)
  return outsideNamespaces(policy, info, facts)
}
