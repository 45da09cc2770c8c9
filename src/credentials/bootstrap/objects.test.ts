import { expect, test } from 'vitest'
import { setupObjects, setupPath } from './objects.ts'
import { deployerRules } from './rules.ts'

const options = { target: 'shop', home: 'telpher', namespaces: ['a', 'b'], clusterWide: false }
const named = (objects: ReturnType<typeof setupObjects>): string[] =>
  objects.map(({ kind, metadata: { name, namespace } }) => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`)

test('makes two accounts, their policies before their rights, and a role in each namespace', () => {
  expect(named(setupObjects(options))).toEqual([
    'Namespace telpher',
    'ServiceAccount telpher/bootstrap-shop',
    'ServiceAccount telpher/deployer-shop',
    'ValidatingAdmissionPolicy telpher-shop-tokens',
    'ValidatingAdmissionPolicyBinding telpher-shop-tokens',
    'ValidatingAdmissionPolicy telpher-shop-secrets',
    'ValidatingAdmissionPolicyBinding telpher-shop-secrets',
    'Role telpher/bootstrap-shop',
    'RoleBinding telpher/bootstrap-shop',
    'Role a/deployer-shop',
    'RoleBinding a/deployer-shop',
    'Role b/deployer-shop',
    'RoleBinding b/deployer-shop',
  ])
})

test('a ClusterRole comes only when it is asked for', () => {
  expect(named(setupObjects({ ...options, clusterWide: true })).slice(-2)).toEqual([
    'ClusterRole telpher-shop',
    'ClusterRoleBinding telpher-shop',
  ])
})

test('the bootstrap identity gets exactly this', () => {
  const role = setupObjects(options).find(({ kind, metadata }) => kind === 'Role' && metadata.name === 'bootstrap-shop')
  expect(role?.['rules']).toEqual([
    { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['deployer-shop', 'bootstrap-shop'], verbs: ['create'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'list'] },
  ])
})

test('the deployer gets what steps need: no roles, no exec, no nodes, nothing by a wildcard', () => {
  const roles = setupObjects(options).filter(({ kind, metadata }) => kind === 'Role' && metadata.name === 'deployer-shop')
  expect(roles.map((role) => role['rules'])).toEqual([deployerRules, deployerRules])
  const resources = deployerRules.flatMap((rule) => rule.resources)
  for (const none of ['*', 'roles', 'rolebindings', 'pods/exec', 'pods/attach', 'nodes', 'serviceaccounts/token'])
    expect(resources).not.toContain(none)
})

test('every binding is to the account of its own role', () => {
  const bindings = setupObjects(options).filter(({ kind }) => kind === 'RoleBinding')
  for (const { metadata, ...binding } of bindings) {
    expect(binding['roleRef']).toEqual({ apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name })
    expect(binding['subjects']).toEqual([{ kind: 'ServiceAccount', name: metadata.name, namespace: 'telpher' }])
  }
})

test('paths are those of the API', () => {
  expect(setupObjects({ ...options, namespaces: ['a'] }).map(setupPath)).toEqual([
    '/api/v1/namespaces/telpher',
    '/api/v1/namespaces/telpher/serviceaccounts/bootstrap-shop',
    '/api/v1/namespaces/telpher/serviceaccounts/deployer-shop',
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/telpher-shop-tokens',
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/telpher-shop-tokens',
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/telpher-shop-secrets',
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/telpher-shop-secrets',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/telpher/roles/bootstrap-shop',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/telpher/rolebindings/bootstrap-shop',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/deployer-shop',
    '/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/deployer-shop',
  ])
})
