import { expect, test } from 'vitest'
import { risksOf } from './risks.ts'
import { bootstrapRules, deployerRules } from './rules.ts'

const rule = (verbs: string[], resources = ['pods'], apiGroups = ['']) => [{ verbs, resources, apiGroups }]

test('what we set up for namespaces has no risk', () => {
  expect(risksOf([...deployerRules, ...bootstrapRules('deployer-a', 'bootstrap')], false)).toEqual([])
})

test('the same everywhere reads all Secrets', () => {
  expect(risksOf(deployerRules, true)).toEqual([{ risk: 'cluster-secrets', what: 'reading the Secrets of every namespace' }])
})

test.each([
  ['all verbs', rule(['*']), 'wildcards'],
  ['all resources', rule(['get'], ['*']), 'wildcards'],
  ['all groups', rule(['get'], ['pods'], ['*']), 'wildcards'],
  ['escalate', rule(['escalate'], ['roles'], ['rbac.authorization.k8s.io']), 'escalation'],
  ['bind', rule(['bind'], ['roles']), 'escalation'],
  ['impersonate', rule(['impersonate'], ['users']), 'escalation'],
])('%s is a risk in one namespace too', (_, rules, risk) => expect(risksOf(rules, false)).toMatchObject([{ risk }]))

test.each([
  ['Secrets of another group', rule(['get'], ['secrets'], ['example.com'])],
  ['writing Secrets', rule(['create', 'delete'], ['secrets'])],
  ['one Secret by its name', [{ ...rule(['get'], ['secrets'])[0]!, resourceNames: ['a'] }]],
])('%s everywhere is none', (_, rules) => expect(risksOf(rules, true)).toEqual([]))
