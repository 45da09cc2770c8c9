import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { Secret } from '../../../src/model/secret.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { jsonStream } from '../../../src/steps/manifests/json.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { adminOf, type OpenGate, type OpenOptions, openGate, trustOf } from '../gate/harness.ts'
import { type Finished, filesOf, fixture, run, stepOf } from './planned.ts'

let cluster: Cluster
let namespace: string
beforeAll(async () => {
  cluster = await sharedCluster('none')
  namespace = await freshNamespace(cluster)
})
afterAll(() => cluster.api('DELETE', `/api/v1/namespaces/${namespace}`))

const grants: OpenOptions = { policy: { grants: ['cluster-scoped-writes'] }, strictFields: true }

const gateTo = async (options: OpenOptions = grants): Promise<OpenGate> => {
  const gate = await openGate(trustOf(cluster), adminOf(cluster), options)
  onTestFinished(() => gate.stop())
  return gate
}

const apply = async (files: Record<string, string | Buffer>, options?: OpenOptions, gate?: OpenGate): Promise<Finished> =>
  run(gate ?? (await gateTo(options)), stepOf({ kind: 'apply' }), namespace, filesOf(files))

const configMap = (name: string, data = '{a: b}'): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`
const read = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse((await cluster.api('GET', `/api/v1/namespaces/${namespace}/${path}`)).body) as Record<string, unknown>

/** Until its controller has counted, the API server says that the state of a quota is unknown. */
const quotaIsCounted = (name: string): Promise<unknown> =>
  eventually(async () => {
    const { status } = (await read(`resourcequotas/${name}`)) as { readonly status?: { readonly hard?: object } }
    return status?.hard !== undefined
  })

/** What kubectl prints of several objects: one after the other. */
const objectsIn = (printed: string): { metadata: { name: string } }[] =>
  (jsonStream(printed) ?? [])
    .map(({ start, end }) => JSON.parse(printed.slice(start, end)) as { metadata: { name: string } })
    .toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name))

test('what is applied means what the author’s file means to kubectl itself', async () => {
  const file = await fixture('manifests-input/tricky.yaml')
  const original = join(await mkdtemp(join(tmpdir(), 'telpher-original-')), 'tricky.yaml')
  await writeFile(original, file)
  const gate = await gateTo()
  const wanted = await gate.kubectl('create', '--dry-run=client', '-o', 'json', `--namespace=${namespace}`, `--filename=${original}`)
  expect(wanted).toMatchObject({ code: 0 })

  const step = stepOf({ kind: 'apply' })
  const files = filesOf({ 'tricky.yaml': file })
  const ours = await run(gate, step, namespace, files, (argv) => {
    const filename = argv.findIndex((arg) => arg.startsWith('--filename='))
    return ['kubectl', 'create', '--dry-run=client', '-o', 'json', argv[2] ?? '', '--recursive', argv[filename] ?? '']
  })
  expect(ours).toMatchObject({ code: 0 })
  expect(objectsIn(ours.stdout)).toEqual(objectsIn(wanted.stdout))
  expect(objectsIn(ours.stdout)).toHaveLength(7)
})

test('applies in order, with our field manager, and again without a change', async () => {
  const files = {
    'a.yaml': `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ordered}\nspec:\n  replicas: 0\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: c, image: "example.test/web:1"}]}\n`,
    'b.json': JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'ordered' }, spec: { ports: [{ port: 80 }] } }),
    'c.yaml': configMap('ordered'),
  }
  const first = await apply(files)
  expect(first).toMatchObject({ code: 0 })
  expect(first.stdout.split('\n')).toEqual([
    'configmap/ordered serverside-applied',
    'service/ordered serverside-applied',
    'deployment.apps/ordered serverside-applied',
  ])
  const before = await read('configmaps/ordered')
  expect(before).toMatchObject({ metadata: { managedFields: [{ manager: 'telpher', operation: 'Apply' }] } })
  expect(await apply(files)).toMatchObject({ code: 0 })
  expect(await read('configmaps/ordered')).toEqual(before)
})

const widgets = (group: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.${group}}
spec:
  group: ${group}
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`

test('a CRD, its objects and their namespace in one folder, each time', async () => {
  for (const n of [1, 2, 3, 4, 5]) {
    const group = `n${n}-${namespace}.example.test`
    const widget = `apiVersion: ${group}/v1\nkind: Widget\nmetadata: {name: w, namespace: ${namespace}-${n}}\n`
    const ended = await apply({
      'a.yaml': widget,
      'b.yaml': `${widgets(group)}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ${namespace}-${n}}\n`,
    })
    onTestFinished(async () => {
      await cluster.api('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${group}`)
      await cluster.api('DELETE', `/api/v1/namespaces/${namespace}-${n}`)
    })
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(
      /namespace\/\S+ serverside-applied\n.*customresourcedefinition\S+ serverside-applied\n[\s\S]*condition met\nwidget\S+\/w serverside-applied$/,
    )
  }
})

const deployment = (label: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: fixed}\nspec:\n  replicas: 0\n  selector: {matchLabels: {a: ${label}}}\n  template:\n    metadata: {labels: {a: ${label}}}\n    spec: {containers: [{name: c, image: "example.test/web:1"}]}\n`

test.each<[string, () => Promise<Finished>, string, string]>([
  [
    'another namespace',
    () => apply({ 'a.yaml': configMap('a').replace('name: a', 'name: a, namespace: default') }, { policy: { namespaces: [namespace] } }),
    'gate_namespace',
    'default',
  ],
  ['an unknown field', () => apply({ 'a.yaml': `${configMap('a')}dta: {}\n` }), 'invalid_manifest', 'dta'],
  ['an unknown kind', () => apply({ 'sub/a.yaml': configMap('a').replace('ConfigMap', 'ConfigMop') }), 'apply_failed', 'ConfigMop'],
  ['a value of another type', () => apply({ 'a.yaml': configMap('a', '{a: yes}') }), 'apply_failed', 'ConfigMap'],
  ['an impossible name', () => apply({ 'a.yaml': configMap('A_b') }), 'apply_failed', 'A_b'],
  [
    'an immutable field',
    async () => {
      expect(await apply({ 'a.yaml': deployment('one') })).toMatchObject({ code: 0 })
      return apply({ 'a.yaml': deployment('two') })
    },
    'immutable_field',
    'immutable',
  ],
  [
    'a quota',
    async () => {
      await cluster.apply({
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'none', namespace },
        spec: { hard: { 'count/secrets': '0' } },
      })
      await quotaIsCounted('none')
      return apply({ 'a.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n' })
    },
    'quota_exceeded',
    'exceeded quota',
  ],
  [
    'a field of another manager',
    async () => {
      const gate = await gateTo()
      await gate.kubectl(
        'create',
        'configmap',
        'owned',
        '--from-literal=a=theirs',
        `--namespace=${namespace}`,
        '--field-manager=other-tool',
      )
      return apply({ 'a.yaml': configMap('owned', '{a: ours}') })
    },
    'apply_failed',
    'other-tool',
  ],
])('%s ends the step with its class and its name', async (_, provoke, code, named) => {
  const ended = await provoke()
  expect(ended.code).toBe(1)
  expect(ended.end).toMatchObject({ status: 'failed', code })
  expect(ended.end.sentence).toContain(named)
  expect(ended.end.sentence).not.toMatch(/\/work|\n|hunter2/)
})

test('what the account may not do is said with verb and resource', async () => {
  await cluster.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody', namespace } })
  const token = await cluster.serviceAccountToken(namespace, 'nobody', 3600)
  const gate = await openGate(trustOf(cluster), { id: 'nobody', kind: 'bearer', token: new Secret(token) })
  onTestFinished(() => gate.stop())
  const ended = await apply({ 'a.yaml': configMap('a') }, undefined, gate)
  expect(ended.end).toMatchObject({
    status: 'failed',
    code: 'target_forbidden',
    sentence: expect.stringContaining('cannot patch resource "configmaps"'),
  })
})

test('a field deep inside that its kind does not have is refused by the API server and named', async () => {
  const object = 'apiVersion: v1\nkind: Service\nmetadata: {name: typo}\nspec: {ports: [{port: 80, targetPrt: 81}]}\n'
  const { end } = await apply({ 'typo.yaml': object })
  expect(end).toMatchObject({ status: 'failed', code: 'invalid_manifest', sentence: expect.stringContaining('targetPrt') })
  expect((await cluster.api('GET', `/api/v1/namespaces/${namespace}/services/typo`)).status).toBe(404)
})
