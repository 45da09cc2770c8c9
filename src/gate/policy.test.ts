import { expect, test } from 'vitest'
import { type Policy, type PolicyInput, policyGrants, policySchema } from '../model/target.ts'
import type { BodyFacts } from './facts.ts'
import { parseRequest, type RequestInfo } from './path.ts'
import { decide, needsBody } from './policy.ts'

const infoOf = (asked: string): RequestInfo => {
  const [method = '', url = ''] = asked.split(' ')
  const parsed = parseRequest(method, url)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.info
}
const readable = (facts: Omit<BodyFacts, 'unreadable'> = {}): BodyFacts => ({ unreadable: false, ...facts })
const refused = (policy: PolicyInput, asked: string, body: BodyFacts = readable()): string | undefined =>
  decide(policySchema.parse(policy), infoOf(asked), body)?.message
const dev: PolicyInput = { namespaces: ['dev', 'stage'] }
const everyGrant: Policy['grants'] = [...policyGrants]
const rbac = '/apis/rbac.authorization.k8s.io/v1'

test.each([
  'GET /api',
  'GET /apis',
  'GET /apis/apps/v1',
  'GET /openapi/v3/apis/apps/v1',
  'GET /version',
  'HEAD /version',
  'GET /readyz',
  'GET /api/v1/namespaces/dev/pods',
  'POST /api/v1/namespaces/stage/configmaps',
  'DELETE /apis/apps/v1/namespaces/dev/deployments/a',
  'GET /api/v1/namespaces/dev/pods/a/exec',
  'GET /api/v1/namespaces/dev',
  'GET /api/v1/namespaces?fieldSelector=metadata.name%3Ddev',
  'PATCH /api/v1/namespaces/dev',
  'GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a',
  'GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  'GET /apis/storage.k8s.io/v1/storageclasses',
  'POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
])('a target with namespaces lets through %s', (asked) => {
  expect(refused(dev, asked)).toBeUndefined()
})

test.each([
  ['GET /api/v1/namespaces/prod/pods', 'namespace prod'],
  ['GET /api/v1/watch/namespaces/prod/pods', 'namespace prod'],
  ['GET /api/v1/pods', 'all namespaces'],
  ['GET /api/v1/pods?watch=1', 'all namespaces'],
  ['GET /api/v1/watch/pods', 'all namespaces'],
  ['GET /api/v1/pods?fieldSelector=metadata.name%3Ddev', 'all namespaces'],
  ['GET /apis/storage.k8s.io/v1/csistoragecapacities', 'all namespaces'],
  ['GET /api/v1/namespaces', 'all namespaces'],
  ['GET /api/v1/namespaces/prod', 'namespace prod'],
  ['PUT /api/v1/namespaces/prod/finalize', 'namespace prod'],
  ['PATCH /api/v1/namespaces/prod', 'namespace prod'],
  ['DELETE /api/v1/namespaces', 'an unnamed namespace'],
  ['GET /api/v1/nodes', 'all namespaces'],
  ['GET /api/v1/persistentvolumes/a', 'the whole cluster'],
  [`POST ${rbac}/clusterrolebindings`, 'the whole cluster'],
  [`GET ${rbac}/clusterroles/admin`, 'the whole cluster'],
  ['PATCH /apis/apiextensions.k8s.io/v1/customresourcedefinitions/a', 'the whole cluster'],
  ['POST /apis/authorization.k8s.io/v1/namespaces/prod/localsubjectaccessreviews', 'namespace prod'],
])('a target with namespaces refuses %s', (asked, where) => {
  expect(refused(dev, asked)).toContain(`in ${where} is refused: this target allows the namespaces dev, stage`)
})

test('a namespace is made by its name in the body', () => {
  expect(refused(dev, 'POST /api/v1/namespaces', readable({ name: 'dev' }))).toBeUndefined()
  expect(refused(dev, 'POST /api/v1/namespaces', readable({ name: 'prod' }))).toContain('namespace prod')
  expect(refused(dev, 'POST /api/v1/namespaces', readable())).toContain('an unnamed namespace')
  expect(refused(dev, 'POST /api/v1/namespaces', { unreadable: true })).toContain('an unnamed namespace')
})

test('writes to the whole cluster by grant, of custom kinds too, never to all namespaces', () => {
  const granted: PolicyInput = { ...dev, grants: ['cluster-scoped-writes'] }
  expect(refused(granted, 'PATCH /apis/cert-manager.io/v1/clusterissuers/a')).toBeUndefined()
  expect(refused(granted, `POST ${rbac}/clusterrolebindings`)).toBeUndefined()
  expect(refused(granted, `GET ${rbac}/clusterroles/a`)).toBeUndefined()
  expect(refused(granted, 'GET /api/v1/secrets')).toContain('all namespaces')
  expect(refused(granted, 'GET /api/v1/secrets?fieldSelector=metadata.name%3Da')).toContain('all namespaces')
  expect(refused(granted, 'PATCH /api/v1/namespaces/prod')).toContain('namespace prod')
})

test('a target without namespaces leaves the scope to its credential', () => {
  for (const asked of [
    'GET /api/v1/pods',
    'GET /api/v1/nodes',
    `POST ${rbac}/clusterrolebindings`,
    'POST /api/v1/namespaces',
    'GET /api/v1/namespaces/x/pods',
  ])
    expect(refused({}, asked)).toBeUndefined()
})

const grantCases: [asked: string, grant: string, body?: BodyFacts][] = [
  ['POST /api/v1/namespaces/dev/serviceaccounts/a/token', 'service-account-tokens'],
  ['POST /api/v1/namespaces/dev/secrets', 'token-secrets', readable({ secretType: 'kubernetes.io/service-account-token' })],
  ['PATCH /api/v1/namespaces/dev/secrets/a', 'token-secrets', { unreadable: true }],
  ['GET /api/v1/namespaces/dev/pods/a/proxy', 'proxy'],
  ['GET /api/v1/namespaces/dev/services/a/proxy/x/y', 'proxy'],
  ['POST /api/v1/proxy/namespaces/dev/services/a', 'proxy'],
  ['GET /api/v1/nodes/n/metrics', 'nodes'],
  ['PATCH /api/v1/nodes/n', 'nodes'],
  ['DELETE /api/v1/nodes', 'nodes'],
  ['GET /api/v1/nodes/n/proxy/pods', 'proxy and nodes'],
  ['POST /apis/certificates.k8s.io/v1/certificatesigningrequests', 'certificate-signing-requests'],
  ['PUT /apis/certificates.k8s.io/v1/certificatesigningrequests/a/approval', 'certificate-signing-requests'],
  ['PATCH /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/a', 'webhook-configurations'],
  ['DELETE /apis/admissionregistration.k8s.io/v1beta1/mutatingwebhookconfigurations/a', 'webhook-configurations'],
  [`POST ${rbac}/namespaces/dev/roles`, 'bind', readable({ verbs: ['get', 'bind'] })],
  [`PATCH ${rbac}/clusterroles/a`, 'escalate and impersonate', readable({ verbs: ['escalate', 'impersonate'] })],
  [`PUT ${rbac}/clusterroles/a`, 'bind and escalate and impersonate', { unreadable: true }],
]

test.each(grantCases)('%s needs the grant %s', (asked, grant, body) => {
  expect(refused({}, asked, body)).toContain(`it needs the grant ${grant}`)
  const others = everyGrant.filter((one) => one !== grant.split(' and ')[0])
  expect(refused({ grants: others }, asked, body)).toContain('it needs the grant')
  expect(refused({ grants: everyGrant }, asked, body)).toBeUndefined()
})

test('what is needed of a body is never assumed', () => {
  const info = infoOf('POST /api/v1/namespaces/dev/secrets')
  expect(needsBody(info)).toBe(true)
  expect(decide(policySchema.parse({}), info)?.message).toContain('could not be read')
  expect(needsBody(infoOf('GET /api/v1/namespaces/dev/secrets'))).toBe(false)
  expect(needsBody(infoOf('DELETE /api/v1/namespaces/dev/secrets/a'))).toBe(false)
})

test('plain secrets and roles pass', () => {
  expect(refused(dev, 'POST /api/v1/namespaces/dev/secrets', readable({ secretType: 'Opaque' }))).toBeUndefined()
  expect(refused(dev, `POST ${rbac}/namespaces/dev/roles`, readable({ verbs: ['*', 'get'] }))).toBeUndefined()
})

test('lists of verbs and resources are meant as in RBAC', () => {
  const policy: PolicyInput = {
    verbs: ['get', 'list', 'patch'],
    resources: ['configmaps', 'deployments.apps', 'pods', 'pods/log', 'jobs/*.batch'],
  }
  expect(refused(policy, 'GET /api/v1/namespaces/dev/pods/a/log')).toBeUndefined()
  expect(refused(policy, 'PATCH /apis/apps/v1/namespaces/dev/deployments/a')).toBeUndefined()
  expect(refused(policy, 'PATCH /apis/batch/v1/namespaces/dev/jobs/a/status')).toBeUndefined()
  expect(refused(policy, 'GET /api/v1/namespaces/dev/pods/a/exec')).toContain('this target allows the resources')
  expect(refused(policy, 'GET /api/v1/namespaces/dev/deployments/a')).toContain('this target allows the resources')
  expect(refused(policy, 'DELETE /api/v1/namespaces/dev/configmaps/a')).toContain('this target allows the verbs get, list, patch')
})

test.each(['POST /api', 'GET /metrics', 'GET /logs/', 'GET /', 'GET /apisx', 'PUT /version', 'GET /debug/pprof'])(
  'refuses the path %s',
  (asked) => {
    expect(decide(policySchema.parse({ grants: everyGrant }), infoOf(asked))).toMatchObject({ code: 'gate_path', http: 403 })
  },
)

test.each([
  'GET /api/v1/namespaces/telpher/secrets',
  'DELETE /api/v1/namespaces/telpher/secrets/bootstrap-prod.v2',
  'POST /api/v1/namespaces/telpher/pods',
  'POST /api/v1/namespaces/telpher/serviceaccounts/bootstrap-prod/token',
  'DELETE /api/v1/namespaces/telpher',
])('whatever the policy, no job gets to Telpher’s own accounts: %s', (asked) => {
  const all = policySchema.parse({ grants: everyGrant })
  expect(decide(all, infoOf(asked), readable())).toBeUndefined()
  expect(decide(all, infoOf(asked), readable(), 'telpher')).toMatchObject({ code: 'gate_namespace' })
  expect(decide(all, infoOf(asked.replaceAll('telpher', 'shop')), readable(), 'telpher')).toBeUndefined()
})
