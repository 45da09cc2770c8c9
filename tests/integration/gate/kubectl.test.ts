import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { adminOf, type OpenGate, type OpenOptions, openGate, trustOf } from './harness.ts'

let cluster: Cluster
let namespace: string
let folder: string
const open: OpenGate[] = []

beforeAll(async () => {
  cluster = await sharedCluster('none')
  namespace = await freshNamespace(cluster)
  folder = await mkdtemp(join(tmpdir(), 'telpher-gate-files-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop()
})

const gateOf = async (options: OpenOptions = {}): Promise<OpenGate> => {
  const made = await openGate(trustOf(cluster), adminOf(cluster), { policy: { namespaces: [namespace] }, ...options })
  open.push(made)
  return made
}

const file = async (...objects: readonly object[]): Promise<string> => {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.json`)
  await writeFile(path, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
  return path
}

const configMap = (name: string, data: Record<string, string> = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
})

test('server-side apply: the ledger has what the API server said, stored before kubectl ends', async () => {
  const { kubectl, stored } = await gateOf()
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  }
  const ran = await kubectl('apply', '--server-side', '-n', namespace, '-f', await file(configMap('one'), deployment))
  expect(ran).toMatchObject({ code: 0, stdout: 'configmap/one serverside-applied\ndeployment.apps/web serverside-applied' })
  expect(stored).toMatchObject([
    {
      n: 1,
      verb: 'patch',
      group: '',
      resource: 'configmaps',
      kind: 'ConfigMap',
      namespace,
      name: 'one',
      code: 201,
      dryRun: false,
      credentialId: 'admin',
    },
    { n: 2, verb: 'patch', group: 'apps', resource: 'deployments', kind: 'Deployment', name: 'web', code: 201, generation: 1 },
  ])
  const live = JSON.parse((await cluster.api('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/web`)).body)
  expect(stored[1]?.uid).toBe(live.metadata.uid)
  expect(stored[1]?.auditId).toMatch(/^[0-9a-f-]{36}$/)
})

test('create with generateName, dry runs and deletes are known by what was answered', async () => {
  const { kubectl, stored } = await gateOf()
  const job = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'made-' } }
  const created = await kubectl('create', '-n', namespace, '-o', 'name', '-f', await file(job))
  const name = created.stdout.split('/')[1] ?? ''
  expect(stored.at(-1)).toMatchObject({ verb: 'create', name, code: 201 })
  await kubectl('delete', '-n', namespace, 'configmap', name, '--dry-run=server')
  expect(stored.at(-1)).toMatchObject({ verb: 'delete', name, code: 200, dryRun: true })
  await kubectl('annotate', '-n', namespace, 'configmap', name, 'a=b', '--dry-run=server')
  expect(stored.at(-1)).toMatchObject({ verb: 'patch', name, code: 200, dryRun: true })
  await kubectl('delete', '-n', namespace, 'configmap', name)
  expect(stored.at(-1)).toMatchObject({ verb: 'delete', name, code: 200, dryRun: false })
  await kubectl('delete', '-n', namespace, 'configmaps', '--all')
  expect(stored.filter((entry) => entry.verb.startsWith('delete')).at(-1)).toMatchObject({ namespace, resource: 'configmaps', code: 200 })
})

test("the API server's own refusal is in the ledger with its reason", async () => {
  const { kubectl, stored } = await gateOf()
  const ran = await kubectl('create', '-n', namespace, 'configmap', 'Not_A_Name')
  expect(ran.code).toBe(1)
  expect(stored.at(-1)).toMatchObject({ verb: 'create', code: 422, reason: 'Invalid' })
  expect(stored.at(-1)?.message).toContain('Not_A_Name')
})

test.each([
  [
    'another namespace',
    ['get', 'pods', '-n', 'kube-system'],
    'list pods in namespace kube-system is refused: this target allows the namespaces',
  ],
  ['all namespaces', ['get', 'pods', '-A'], 'list pods in all namespaces is refused'],
  ['a write elsewhere', ['create', 'configmap', 'a', '-n', 'default'], 'create configmaps in namespace default is refused'],
  ['another namespace made', ['create', 'namespace', 'mine'], 'create namespaces in namespace mine is refused'],
  ['a role for the cluster', ['create', 'clusterrole', 'a', '--verb=get', '--resource=pods'], 'in the whole cluster is refused'],
  ['a raw path', ['get', '--raw', '/metrics'], 'get /metrics is refused'],
  ['a crooked path', ['get', '--raw', '/api/v1/pods?watch=0&watch=1'], 'the query parameter watch is given twice'],
])('refuses %s, and kubectl prints why with the next step', async (_, args, text) => {
  const { kubectl, gate, stored } = await gateOf()
  const ran = await kubectl(...args)
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain(text)
  expect(ran.stderr).toMatch(/TEL-150[234] gate_\w+: /)
  expect(gate.refusals().at(-1)?.message).toContain(text)
  expect(stored).toEqual([])
})

test.each([
  ['a token', ['create', 'token', 'default'], 'service-account-tokens'],
  ['a proxied service', ['get', '--raw', '/api/v1/namespaces/NAMESPACE/services/x/proxy/'], 'proxy'],
  ['a node', ['cordon', 'x'], undefined],
])('refuses %s without its grant', async (_, args, grant) => {
  const { kubectl } = await gateOf()
  const ran = await kubectl('-n', namespace, ...args.map((arg) => arg.replace('NAMESPACE', namespace)))
  expect(ran.code).toBe(1)
  expect(ran.stderr).toContain(grant === undefined ? 'refused' : `it needs the grant ${grant}`)
})

test('lets a token be made where it is granted', async () => {
  const { kubectl, stored } = await gateOf({ policy: { namespaces: [namespace], grants: ['service-account-tokens'] } })
  await eventually(async () => (await cluster.api('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).status === 200).catch(
    () => cluster.api('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: 'default' } }),
  )
  const ran = await kubectl('-n', namespace, 'create', 'token', 'default')
  expect(ran.stdout).toMatch(/^ey/)
  expect(JSON.stringify(stored)).not.toContain(ran.stdout)
  expect(stored.at(-1)).toMatchObject({ subresource: 'token', verb: 'create', name: 'default' })
})

test.each(['json', 'yaml'])('secrets pass, those of type token do not, as %s', async (encoding) => {
  const { kubectl, url } = await gateOf()
  const fine = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'fine' },
    stringData: { a: 'gr\u00fc\u00df \u2028 \ud83d\ude80 "x"\n' },
  }
  const token = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'sly', annotations: { 'kubernetes.io/service-account.name': 'default' } },
    type: 'kubernetes.io/service-account-token',
  }
  expect((await kubectl('apply', '--server-side', '-n', namespace, '-f', await file(fine))).code).toBe(0)
  const kept = JSON.parse((await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/fine`)).body)
  expect(Buffer.from(kept.data.a, 'base64').toString()).toBe(fine.stringData.a)
  const ran = await kubectl(
    encoding === 'json' ? 'create' : 'apply',
    ...(encoding === 'json' ? [] : ['--server-side']),
    '-n',
    namespace,
    '-f',
    await file(token),
  )
  expect(ran.stderr).toContain('it needs the grant token-secrets')
  const twice = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"sly"},"type":"${token.type}","type":null}`
  const answer = await fetch(`${url}/api/v1/namespaces/${namespace}/secrets`, {
    method: 'POST',
    headers: { 'content-type': `application/${encoding}` },
    body: twice,
  })
  await answer.text()
  const sly = await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/sly`)
  expect(sly.status === 404 || JSON.parse(sly.body).type === 'Opaque').toBe(true)
  await cluster.api('DELETE', `/api/v1/namespaces/${namespace}/secrets/sly`)
})

test('helm installs, upgrades and uninstalls a chart, and prints refusals', async () => {
  const { helm, stored } = await gateOf()
  const chart = join(folder, 'chart')
  await mkdir(join(chart, 'templates'), { recursive: true })
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: sample\nversion: 0.1.0\n')
  await writeFile(
    join(chart, 'templates', 'a.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Values.where | default .Release.Namespace }}\ndata: {a: "{{ .Values.a }}"}\n',
  )
  expect(await helm('upgrade', '--install', 'rel', chart, '-n', namespace, '--set', 'a=1')).toMatchObject({ code: 0 })
  expect(await helm('upgrade', '--install', 'rel', chart, '-n', namespace, '--set', 'a=2')).toMatchObject({ code: 0 })
  expect(stored.filter((entry) => entry.resource === 'secrets' && entry.verb === 'create').map((entry) => entry.name)).toEqual([
    'sh.helm.release.v1.rel.v1',
    'sh.helm.release.v1.rel.v2',
  ])
  const refused = await helm('upgrade', '--install', 'rel', chart, '-n', namespace, '--set', 'where=default')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/in namespace default is refused: this target allows the namespaces .*TEL-1503/s)
  expect(await helm('uninstall', 'rel', '-n', namespace)).toMatchObject({ code: 0 })
})

test('the values of Secrets are known before a program has them: what it writes, renders and reads', async () => {
  const known: string[] = []
  const { kubectl, helm } = await gateOf({ onSecretValues: (values) => known.push(...values) })
  const secret = (name: string, fields: object): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, ...fields })
  await cluster.apply({ ...secret('there', { stringData: { a: 'there-before' } }), metadata: { name: 'there', namespace } })
  const path = await file(secret('a', { stringData: { a: 'applied-text' }, data: { b: Buffer.from('applied-data').toString('base64') } }))
  expect(await kubectl('apply', '--server-side', '-n', namespace, '-f', path)).toMatchObject({ code: 0 })
  expect(known).toEqual(expect.arrayContaining(['applied-text', 'applied-data']))
  const chart = join(folder, 'telling')
  await mkdir(join(chart, 'templates'), { recursive: true })
  await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: telling\nversion: 0.1.0\n')
  await writeFile(
    join(chart, 'templates', 'a.yaml'),
    'apiVersion: v1\nkind: Secret\nmetadata: {name: rendered}\nstringData: {a: "{{ .Values.a }}-rendered"}\n',
  )
  await writeFile(
    join(chart, 'templates', 'NOTES.txt'),
    '{{ (lookup "v1" "Secret" .Release.Namespace "there").data.a | b64dec }} {{ .Values.a }}-rendered\n',
  )
  const installed = await helm('upgrade', '--install', 'telling', chart, '-n', namespace, '--set', 'a=value')
  expect(installed.stdout).toContain('there-before value-rendered')
  expect(known).toEqual(expect.arrayContaining(['value-rendered', 'there-before']))
  // Helm keeps its records in Secrets as well.
  expect(known.filter((value) => value.length > 100)).toEqual([])
  known.length = 0
  expect((await kubectl('get', 'secrets', '-n', namespace, '-o', 'yaml')).stdout).toContain('rendered')
  expect(known).toEqual(expect.arrayContaining(['there-before', 'applied-text', 'applied-data', 'value-rendered']))
  const patch = JSON.stringify([{ op: 'add', path: '/data/c', value: Buffer.from('patched-in').toString('base64') }])
  expect(await kubectl('patch', 'secret', 'a', '-n', namespace, '--type=json', '-p', patch)).toMatchObject({ code: 0 })
  expect(known).toContain('patched-in')
})

test('get -w shows a change at once', async () => {
  const { start } = await gateOf()
  const watching = start('get', 'configmaps', '-n', namespace, '-w', '-o', 'name')
  let seen = ''
  watching.stdout?.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'before' } })
  await eventually(() => seen.includes('configmap/before'))
  await cluster.api('POST', `/api/v1/namespaces/${namespace}/configmaps`, { metadata: { name: 'after' } })
  await eventually(() => seen.includes('configmap/after'))
  watching.kill()
  await watching
})

test('a body of 900 kB, and a list that is larger than what is kept', async () => {
  const { kubectl } = await gateOf()
  const data = { big: 'x'.repeat(900_000) }
  for (const name of ['b1', 'b2', 'b3', 'b4', 'b5', 'b6'])
    expect(await kubectl('apply', '--server-side', '-n', namespace, '-f', await file(configMap(name, data)))).toMatchObject({ code: 0 })
  const deleted = await kubectl('delete', '--raw', `/api/v1/namespaces/${namespace}/configmaps`)
  expect(deleted.code).toBe(0)
  expect(deleted.stdout.length).toBeGreaterThan(5_000_000)
})
