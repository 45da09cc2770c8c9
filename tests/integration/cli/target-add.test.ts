import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import type { Target } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { kubeconfig } from '../../../src/sandbox/kubernetes/kubeconfig.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, type Ran, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
let cluster: Cluster
beforeAll(async () => {
  cluster = await sharedCluster('none')
  served = await serveApi()
  cli = await createTestCli(served)
})
afterAll(() => served.close())

interface Wanted {
  readonly name: string
  readonly home: string
  readonly namespace: string
}

/** Names of a test's own: policies are cluster-wide. */
const fresh = async (): Promise<Wanted> => {
  const namespace = await freshNamespace(cluster)
  return { name: `t-${namespace}`, home: `home-${namespace}`, namespace }
}
const addArgs = ({ name, home, namespace }: Wanted): string[] => [
  ...['target', 'add', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig],
  ...['--namespace', namespace, '--home', home],
]
const objectsOf = async ({ name }: Wanted): Promise<string[]> => {
  const kinds =
    'serviceaccounts,secrets,roles,rolebindings,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings'
  const found = await cluster.kubectl('get', kinds, '--all-namespaces', '--selector', `telpher.dev/target=${name}`, '-o', 'name')
  return found
    .split('\n')
    .filter((line) => line !== '')
    .sort()
}
const added = async (wanted: Wanted, ...more: string[]): Promise<{ target: Target; ran: Ran }> => {
  const ran = await cli.run([...addArgs(wanted), '--yes', '-o', 'json', ...more])
  expect(ran.code, ran.stderr).toBe(0)
  return { target: JSON.parse(ran.stdout) as Target, ran }
}

test('one command shows the plan, sets up, proves it, and keeps the new identity alone', async () => {
  const wanted = await fresh()
  const { target, ran } = await added(wanted)
  expect(target).toMatchObject({
    policy: { namespaces: [wanted.namespace] },
    account: { mode: 'token-request', deployer: `${wanted.home}/deployer-${wanted.name}`, expiresAt: expect.any(Number) },
  })
  expect(ran.stderr).toContain(`create  Role ${wanted.namespace}/deployer-${wanted.name}`)
  expect(ran.stderr).toContain(
    `Proven with the new identity alone: it mints tokens of system:serviceaccount:${wanted.home}:deployer-${wanted.name}`,
  )
  expect(await objectsOf(wanted)).toHaveLength(11)
  const sealed = await served.store.accounts.get(target.account.id)
  expect(sealed.type).toBe('account')
  const everything = JSON.stringify([target, sealed, ran])
  expect(everything).not.toContain(cluster.admin.certPem.slice(40, 80))
  expect(everything).not.toContain(cluster.admin.keyPem.slice(40, 80))
})

test('it works without a terminal only with --yes, and changes nothing before it was asked', async () => {
  const wanted = await fresh()
  const ran = await cli.run(addArgs(wanted))
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('--yes says yes beforehand')])
  const no = await cli.run(addArgs(wanted), { isTTY: true, stdin: 'n\n' })
  expect([no.code, no.stderr]).toEqual([2, expect.stringContaining('nothing was changed')])
  expect(await objectsOf(wanted)).toEqual([])
  const yes = await cli.run(addArgs(wanted), { isTTY: true, stdin: 'y\n' })
  expect(yes.code, yes.stderr).toBe(0)
})

test('a set-up that was cut goes on where it was, and the Secret that the first token was bound to is another', async () => {
  const wanted = await fresh()
  const uid = () => cluster.kubectl('get', 'secret', `bootstrap-${wanted.name}`, '-n', wanted.home, '-o', 'jsonpath={.metadata.uid}')
  await added(wanted)
  const first = await uid()
  await served.store.targets.remove(wanted.name)
  const { ran } = await added(wanted)
  expect(ran.stderr).toContain(`update  ServiceAccount ${wanted.home}/bootstrap-${wanted.name}`)
  expect(await objectsOf(wanted)).toHaveLength(11)
  expect(await uid()).not.toBe(first)
})

test('a name that is taken is refused before anything is made', async () => {
  const wanted = await fresh()
  await added(wanted)
  const again = { ...(await fresh()), name: wanted.name }
  const ran = await cli.run([...addArgs(again), '--yes'])
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('target_exists')])
  expect((await cluster.api('GET', `/api/v1/namespaces/${again.home}`)).status).toBe(404)
})

test('target remove undoes it with a context, and says how without one', async () => {
  const [wanted, other] = [await fresh(), await fresh()]
  await added(wanted)
  await added(other)
  const removed = await cli.run(['target', 'remove', wanted.name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig, '-o', 'json'])
  expect(removed.code, removed.stderr).toBe(0)
  expect((JSON.parse(removed.stdout) as { inCluster: string[] }).inCluster).toHaveLength(11)
  expect(await objectsOf(wanted)).toEqual([])
  const left = await cli.run(['target', 'remove', other.name])
  expect([left.code, left.stderr]).toEqual([0, expect.stringContaining(`--selector telpher.dev/target=${other.name}`)])
  expect(await objectsOf(other)).toHaveLength(11)
})

test('what is printed can be applied by somebody else, and the token that they mint is enough', async () => {
  const wanted = await fresh()
  const printed = await cli.run([...addArgs(wanted), '--print-rbac'])
  expect(printed.code, printed.stderr).toBe(0)
  expect(await objectsOf(wanted)).toEqual([])
  const list = JSON.parse((await cli.run([...addArgs(wanted), '--print-rbac', '-o', 'json'])).stdout) as { items: object[] }
  expect(list.items).toEqual(parseAllDocuments(printed.stdout).map((document) => document.toJS() as object))
  await cluster.apply(...parseAllDocuments(printed.stdout).map((document) => document.toJS() as object))
  const token = await cluster.serviceAccountToken(wanted.home, `bootstrap-${wanted.name}`)
  await writeFile(join(cli.dir, 'bootstrap'), `${token}\n`)
  const powerless = join(cli.dir, 'powerless')
  await writeFile(powerless, kubeconfig(cluster.server, cluster.caPem, 'nobody', cluster.issueClientCert({ commonName: 'nobody' })))
  const args = [...addArgs(wanted), '--bootstrap-token', 'bootstrap', '--yes'].map((arg) => (arg === cluster.kubeconfig ? powerless : arg))
  const ran = await cli.run(args)
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).not.toContain(token)
})

test('a context that may not set up is told what it lacks', async () => {
  const wanted = await fresh()
  const powerless = join(cli.dir, 'powerless-2')
  await writeFile(powerless, kubeconfig(cluster.server, cluster.caPem, 'nobody', cluster.issueClientCert({ commonName: 'nobody' })))
  const ran = await cli.run([...addArgs(wanted), '--yes'].map((arg) => (arg === cluster.kubeconfig ? powerless : arg)))
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('target_forbidden')])
})

test.each<readonly [string, string[], string]>([
  ['nowhere to deploy to', [], '--cluster-wide'],
  ['a namespace that is not there', ['--namespace', 'no-such-namespace'], 'there is no namespace no-such-namespace'],
  ['all namespaces without a word about their Secrets', ['--cluster-wide'], '--acknowledge cluster-secrets'],
  ['its own home to deploy to', ['--namespace', 'shop', '--home', 'shop'], 'deploy elsewhere'],
  ['a namespace that leaves its path', ['--namespace', '../x'], 'namespace'],
])('%s is refused before anything is made', async (_, more, said) => {
  const { name, home } = await fresh()
  const ran = await cli.run([
    'target',
    'add',
    name,
    '--from-kubeconfig',
    'local',
    '--file',
    cluster.kubeconfig,
    '--home',
    home,
    '--yes',
    ...more,
  ])
  expect([ran.code === 0, ran.stderr]).toEqual([false, expect.stringContaining(said)])
  expect((await cluster.api('GET', `/api/v1/namespaces/${home}`)).status).toBe(404)
})

test('every namespace, with its risk taken, is a ClusterRole', async () => {
  const { name, home } = await fresh()
  const ran = await cli.run([
    ...['target', 'add', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig, '--home', home, '--yes'],
    ...['--cluster-wide', '--acknowledge', 'cluster-secrets'],
  ])
  expect(ran.code, ran.stderr).toBe(0)
  expect((await cluster.api('GET', `/apis/rbac.authorization.k8s.io/v1/clusterroles/telpher-${name}`)).status).toBe(200)
  const removed = await cli.run(['target', 'remove', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig])
  expect([removed.code, removed.stderr]).toEqual([0, expect.stringContaining(`removed ClusterRole telpher-${name}`)])
})

test('rights that the cluster gives beside ours are found', async () => {
  const wanted = await fresh()
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: wanted.home } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'too-much', namespace: wanted.namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: `system:serviceaccounts:${wanted.home}` }],
    },
  )
  const ran = await cli.run([...addArgs(wanted), '--yes'])
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('* on *')])
  expect(ran.stderr).toContain('--acknowledge wildcards takes the risk')
  const taken = await cli.run([...addArgs(wanted), '--yes', '--acknowledge', 'wildcards'])
  expect(taken.code, taken.stderr).toBe(0)
})

/** A kubeconfig whose user is a program, in a folder of its own; the program notes that it ran and what it was told. */
const withPlugin = async (script: string, exec: object = {}): Promise<{ file: string; noted: () => Promise<string | undefined> }> => {
  const dir = await mkdtemp(join(cli.dir, 'plugin-'))
  await writeFile(join(dir, 'get-token'), `#!/bin/sh\nprintf '%s %s' "$PROFILE" "$KUBERNETES_EXEC_INFO" >"$0.ran"\n${script}\n`, {
    mode: 0o755,
  })
  const config = parse(kubeconfig(cluster.server, cluster.caPem, 'cloud', cluster.admin))
  const apiVersion = 'client.authentication.k8s.io/v1'
  const plugin = {
    apiVersion,
    command: './get-token',
    args: ['it'],
    env: [{ name: 'PROFILE', value: 'prod' }],
    interactiveMode: 'Never',
    ...exec,
  }
  config.users[0].user = { exec: plugin }
  await writeFile(join(dir, 'config'), stringify(config))
  return { file: join(dir, 'config'), noted: () => readFile(join(dir, 'get-token.ran'), 'utf8').catch(() => undefined) }
}
const printing = (status: object): string =>
  `cat <<'END'\n${JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status })}\nEND`
const withPath = { env: { PATH: process.env['PATH'] ?? '' } }
const at = (args: readonly string[], file: string): string[] => args.map((arg) => (arg === cluster.kubeconfig ? file : arg))

test('a program that gives the credential is run once, after a yes of its own, and what it gave is dropped', async () => {
  const wanted = await fresh()
  const { certPem: clientCertificateData, keyPem: clientKeyData } = cluster.admin
  const { file, noted } = await withPlugin(printing({ clientCertificateData, clientKeyData }), { provideClusterInfo: true })
  const args = at(addArgs(wanted), file)
  const unasked = await cli.run([...args, '--yes'], withPath)
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--run-plugin says yes beforehand')])
  expect(unasked.stderr).toContain('PROFILE=prod ./get-token it')
  const no = await cli.run([...args, '--yes'], { isTTY: true, stdin: 'n\n' })
  expect([no.code, await noted()]).toEqual([2, undefined])
  const ran = await cli.run([...args, '--yes', '--run-plugin', '-o', 'json'], withPath)
  expect(ran.code, ran.stderr).toBe(0)
  const [profile, told = ''] = (await noted())?.split(/ (.*)/s) ?? []
  expect([profile, JSON.parse(told)]).toEqual([
    'prod',
    {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      spec: {
        interactive: false,
        cluster: { server: cluster.server, 'certificate-authority-data': Buffer.from(cluster.caPem).toString('base64') },
      },
    },
  ])
  const target = JSON.parse(ran.stdout) as Target
  expect(target.account.mode).toBe('token-request')
  expect(JSON.stringify([ran, await served.store.accounts.get(target.account.id)])).not.toContain(clientKeyData.slice(40, 80))
  const removed = await cli.run(['target', 'remove', wanted.name, '--from-kubeconfig', 'local', '--file', file, '--run-plugin'], withPath)
  expect(removed.code, removed.stderr).toBe(0)
  expect(await objectsOf(wanted)).toEqual([])
})

test.each<readonly [string, string, object, string]>([
  ['fails', 'echo "no\x1b]0; session" >&2; exit 3', {}, 'get-token ended with 3: no'],
  ['prints no credential', 'echo hunter2', {}, 'not JSON'],
  ['prints without an end', 'yes hunter2', {}, 'more than 1 MiB'],
  [
    'is not installed',
    '',
    { command: 'no-such-plugin', installHint: 'get it at cloud.example' },
    'is not installed: get it at cloud.example',
  ],
  ['must ask', printing({ token: 'x' }), { interactiveMode: 'Always' }, 'nobody can be asked here'],
])('a program that %s ends it with its reason, and nothing is made', async (_, script, exec, said) => {
  const wanted = await fresh()
  const { file } = await withPlugin(script, exec)
  const ran = await cli.run([...at(addArgs(wanted), file), '--yes', '--run-plugin'], withPath)
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining(said)])
  expect(ran.stderr).not.toContain('hunter2')
  expect(ran.stderr).not.toContain('\x1b]')
  expect(await objectsOf(wanted)).toEqual([])
})

test('no program is run for a credential that is kept', async () => {
  const wanted = await fresh()
  const { file, noted } = await withPlugin(printing({ token: 'x' }))
  const ran = await cli.run([...at(addArgs(wanted), file), '--mode', 'static-token', '--run-plugin'])
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('kubeconfig_plugin')])
  expect(await noted()).toBeUndefined()
})

test('a target stays when its context cannot be read', async () => {
  const wanted = await fresh()
  await added(wanted)
  const ran = await cli.run(['target', 'remove', wanted.name, '--from-kubeconfig', 'nobody', '--file', cluster.kubeconfig])
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('there is no context "nobody"')])
  expect((await served.store.targets.get(wanted.name)).name).toBe(wanted.name)
})

test('the context’s own credential is taken where the mode says so, and only then', async () => {
  const name = `own-${(await fresh()).name}`
  const args = ['target', 'add', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  const wrong = await cli.run([...args, '--mode', 'static-token'])
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('say --mode client-certificate')])
  const ran = await cli.run([...args, '--mode', 'client-certificate', '-o', 'json'])
  expect(ran.code, ran.stderr).toBe(0)
  expect((JSON.parse(ran.stdout) as Target).account.mode).toBe('client-certificate')
})

test('a target of the mode in-cluster names the API server as pods do', async () => {
  const name = `in-${(await fresh()).name}`
  const ran = await cli.run([
    'target',
    'add',
    name,
    '--from-kubeconfig',
    'local',
    '--file',
    cluster.kubeconfig,
    '--mode',
    'in-cluster',
    '-o',
    'json',
  ])
  expect(ran.code, ran.stderr).toBe(0)
  expect(JSON.parse(ran.stdout)).toMatchObject({ server: 'https://kubernetes.default.svc', account: { mode: 'in-cluster' } })
})
