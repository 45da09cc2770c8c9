import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { setupObjects } from '../../../src/credentials/bootstrap/objects.ts'
import { claimsOf } from '../../../src/credentials/jwt.ts'
import type { Target } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { kubeconfig } from '../../../src/sandbox/kubernetes/kubeconfig.ts'
import { fetchAs } from '../../support/bootstrap.ts'
import { searchFor } from '../../support/canaries.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, sharedCluster, sharedRedis } from '../../support/sandbox.ts'
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
const at = (args: readonly string[], file: string): string[] => args.map((arg) => (arg === cluster.kubeconfig ? file : arg))
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

/** A context that leads to the cluster, of somebody who may do nothing there. */
const powerlessFile = async (): Promise<string> => {
  const file = join(await mkdtemp(join(cli.dir, 'powerless-')), 'config')
  await writeFile(file, kubeconfig(cluster.server, cluster.caPem, 'nobody', cluster.issueClientCert({ commonName: 'nobody' })))
  return file
}

/** Whether the API server takes a token; for 10 s it remembers that it did. */
const isTaken = async (token: string): Promise<boolean> => (await fetchAs(cluster, token, 'GET', '/api')).status !== 401

test('what is printed ends in a credential that is Telpher’s own: the token that people mint is used once, and ended', async () => {
  const wanted = await fresh()
  const printed = await cli.run([...addArgs(wanted), '--print-rbac'])
  expect(printed.code, printed.stderr).toBe(0)
  expect(await objectsOf(wanted)).toEqual([])
  const list = JSON.parse((await cli.run([...addArgs(wanted), '--print-rbac', '-o', 'json'])).stdout) as { items: object[] }
  const objects = parseAllDocuments(printed.stdout).map((document) => document.toJS() as object)
  expect(list.items).toEqual(objects)
  await cluster.apply(...objects)
  const [, mint = '', add = ''] = /# {3}kubectl (.*) \\\n# {5}\| telpher (.*)\n/.exec(printed.stdout) ?? []
  const given = (await cluster.kubectl(...mint.split(' '))).trim()
  const { issuedAt = 0, expiresAt = 0 } = claimsOf(given)
  expect(expiresAt - issuedAt).toBe(600_000)
  const ran = await cli.run([...add.split(' '), '--file', await powerlessFile(), '-o', 'json'], { stdin: `${given}\n` })
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toContain('Telpher has its own now, and has ended that one')
  const { account } = JSON.parse(ran.stdout) as Target
  expect(account).toMatchObject({ mode: 'token-request', deployer: `${wanted.home}/deployer-${wanted.name}` })
  expect((account.expiresAt ?? 0) - Date.now()).toBeGreaterThan(6 * 86_400_000)
  expect(ran.stdout + ran.stderr + JSON.stringify(await served.store.accounts.get(account.id))).not.toContain(given)
  expect(await cluster.kubectl('get', 'secrets', '-n', wanted.home, '-o', 'name')).toBe(`secret/bootstrap-${wanted.name}.v1`)
  await eventually(async () => !(await isTaken(given)))
})

test('a token that is bound to nothing is not kept either, and it is said that nobody can end it', async () => {
  const wanted = await fresh()
  await cluster.apply(...setupObjects({ target: wanted.name, home: wanted.home, namespaces: [wanted.namespace], clusterWide: false }))
  const file = await powerlessFile()
  const add = async (token: string): Promise<Ran> => {
    await writeFile(join(cli.dir, 'bootstrap'), `${token}\n`)
    return cli.run(at([...addArgs(wanted), '--bootstrap-token', 'bootstrap', '-o', 'json'], file))
  }
  const other = await add(await cluster.serviceAccountToken(wanted.home, `deployer-${wanted.name}`))
  expect([other.code, other.stderr]).toEqual([
    1,
    expect.stringContaining(`not of the service account ${wanted.home}/bootstrap-${wanted.name}`),
  ])
  const given = await cluster.serviceAccountToken(wanted.home, `bootstrap-${wanted.name}`)
  const ran = await add(given)
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toContain('Nobody can end that one, since it is bound to nothing: it ends by itself in 60 min.')
  const { account } = JSON.parse(ran.stdout) as Target
  expect(JSON.stringify(await served.store.accounts.get(account.id))).not.toContain(given)
  expect((account.expiresAt ?? 0) - Date.now()).toBeGreaterThan(6 * 86_400_000)
})

test('the printed command says again what was said', async () => {
  const { name } = await fresh()
  const args = ['target', 'add', name, '--from-kubeconfig', 'my context', '--cluster-wide', '--acknowledge', 'cluster-secrets']
  const { stdout } = await cli.run([...args, '--home', 'other', '--print-rbac'])
  expect(stdout).toContain(
    `telpher target add ${name} --from-kubeconfig 'my context' --cluster-wide --home other --acknowledge cluster-secrets --bootstrap-token -\n`,
  )
})

test('a context that may not set up is told what it lacks', async () => {
  const wanted = await fresh()
  const ran = await cli.run(at([...addArgs(wanted), '--yes'], await powerlessFile()))
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('target_forbidden')])
})

test.each<readonly [string, string[], string]>([
  ['nowhere to deploy to', [], '--cluster-wide'],
  ['a namespace that is not there', ['--namespace', 'no-such-namespace'], 'there is no namespace no-such-namespace'],
  ['all namespaces without a word about their Secrets', ['--cluster-wide'], '--acknowledge cluster-secrets'],
  ['its own home to deploy to', ['--namespace', 'shop', '--home', 'shop'], 'deploy elsewhere'],
  ['a home that has Secrets of others', ['--namespace', 'shop', '--home', 'kube-system'], 'Secrets of others'],
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

test.each<readonly [string, string, string, string]>([
  ['get', '', 'secrets', 'reading the Secrets of every namespace; --acknowledge cluster-secrets'],
  ['list', '', 'secrets', 'reading the Secrets of every namespace; --acknowledge cluster-secrets'],
  ['watch', '', 'secrets', 'reading the Secrets of every namespace; --acknowledge cluster-secrets'],
  ['escalate', 'rbac.authorization.k8s.io', 'roles', '--acknowledge escalation'],
  ['bind', 'rbac.authorization.k8s.io', 'clusterroles', '--acknowledge escalation'],
  ['impersonate', '', 'serviceaccounts', '--acknowledge escalation'],
])('a right to %s that the cluster gives to everything of "%s" %s is found', async (verb, of, resource, said) => {
  const wanted = await fresh()
  const name = `more-${wanted.name}`
  const group = 'rbac.authorization.k8s.io'
  const rules = [{ apiGroups: [of], resources: [resource], verbs: [verb] }]
  await cluster.apply(
    { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: `deployer-${wanted.name}`, namespace: wanted.home }],
    },
  )
  const ran = await cli.run([...addArgs(wanted), '--yes'])
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining(said)])
  expect((await served.store.targets.list()).map((target) => target.name)).not.toContain(wanted.name)
  // Neither its accounts nor their rights are left behind.
  expect(ran.stderr).toContain('The set-up is taken back')
  for (const path of [
    `/api/v1/namespaces/${wanted.home}/serviceaccounts/deployer-${wanted.name}`,
    `/api/v1/namespaces/${wanted.home}/serviceaccounts/bootstrap-${wanted.name}`,
    `/api/v1/namespaces/${wanted.home}/secrets/bootstrap-${wanted.name}`,
    `/apis/${group}/v1/namespaces/${wanted.namespace}/roles/deployer-${wanted.name}`,
    `/apis/${group}/v1/namespaces/${wanted.namespace}/rolebindings/deployer-${wanted.name}`,
    `/apis/${group}/v1/namespaces/${wanted.home}/roles/bootstrap-${wanted.name}`,
    `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/telpher-${wanted.name}-tokens`,
  ])
    expect((await cluster.api('GET', path)).status, path).toBe(404)
})

test('what the server refuses is taken back too, and an option that nobody takes is refused before anything is made', async () => {
  const wanted = await fresh()
  const accounts = `/api/v1/namespaces/${wanted.home}/serviceaccounts/deployer-${wanted.name}`
  const wrong = await cli.run([...addArgs(wanted), '--yes', '--settle', 'soon'])
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--settle')])
  expect((await cluster.api('GET', `/api/v1/namespaces/${wanted.home}`)).status).toBe(404)
  const refused = await cli.run([...addArgs(wanted), '--yes', '--tag', 'no tag at all!'])
  expect(refused.stderr).toContain('The set-up is taken back')
  expect((await cluster.api('GET', accounts)).status).toBe(404)
})

test('a set-up that cannot be proven leaves what was there before it', async () => {
  const wanted = await fresh()
  const group = 'rbac.authorization.k8s.io'
  await cluster.apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: wanted.home } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: `deployer-${wanted.name}`, namespace: wanted.home } },
    {
      apiVersion: `${group}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'too-much', namespace: wanted.namespace },
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ apiGroup: group, kind: 'Group', name: `system:serviceaccounts:${wanted.home}` }],
    },
  )
  expect((await cli.run([...addArgs(wanted), '--yes'])).code).toBe(1)
  const accounts = `/api/v1/namespaces/${wanted.home}/serviceaccounts`
  expect((await cluster.api('GET', `${accounts}/deployer-${wanted.name}`)).status).toBe(200)
  expect((await cluster.api('GET', `${accounts}/bootstrap-${wanted.name}`)).status).toBe(404)
})

interface AuditLine {
  readonly user: { readonly username: string }
  readonly objectRef?: { readonly name?: string; readonly namespace?: string; readonly subresource?: string }
}

test('what the admin’s context holds is forgotten: it is nowhere, and does nothing more once there is another identity', async () => {
  const wanted = await fresh()
  const admin = `admin-${wanted.name}`
  const token = await cluster.serviceAccountToken(wanted.namespace, admin)
  await cluster.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: admin },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: admin, namespace: wanted.namespace }],
  })
  const config = parse(kubeconfig(cluster.server, cluster.caPem, 'admin', cluster.admin))
  config.users[0].user = { token }
  const file = join(cli.dir, 'as-admin')
  await writeFile(file, stringify(config))
  const temporary = await mkdtemp(join(tmpdir(), 'telpher-none-'))
  vi.stubEnv('TMPDIR', temporary)
  const ran = await cli.run([...at(addArgs(wanted), file), '--yes'])
  vi.unstubAllEnvs()
  expect(ran.code, ran.stderr).toBe(0)

  // All tokens of this cluster begin alike.
  const [, , signature = ''] = token.split('.')
  const search = searchFor([signature])
  search.text('the token itself', token)
  expect(search.finds()).toEqual(['the token itself'])
  search.text('the command', ran.stdout + ran.stderr)
  search.text('the server’s log', served.logged.join('\n'))
  await search.redis(await sharedRedis())
  await search.files(temporary)
  await search.files(cli.dir, { except: (path) => path === file })
  expect(search.finds()).toEqual(['the token itself'])
  expect(search.looked()).toBeGreaterThan(1000)

  const lines = (await readFile(cluster.auditLog, 'utf8')).split('\n').filter((line) => line.includes(wanted.home))
  const calls = lines.map((line) => JSON.parse(line) as AuditLine)
  const minted = calls.findIndex(({ objectRef }) => objectRef?.subresource === 'token' && objectRef.name === `bootstrap-${wanted.name}`)
  expect(calls[minted]?.user.username).toBe(`system:serviceaccount:${wanted.namespace}:${admin}`)
  const after = new Set(calls.slice(minted + 1).map(({ user }) => user.username))
  const [ours, theirs] = ['bootstrap', 'deployer'].map((account) => `system:serviceaccount:${wanted.home}:${account}-${wanted.name}`)
  expect(after).toContain(ours)
  expect([...after].filter((username) => username !== ours && username !== theirs)).toEqual([])
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

test('a program that gives the credential is run once, after a yes of its own, and what it gave is dropped', async () => {
  const wanted = await fresh()
  const { certPem: clientCertificateData, keyPem: clientKeyData } = cluster.admin
  const { file, noted } = await withPlugin(printing({ clientCertificateData, clientKeyData }), { provideClusterInfo: true })
  const args = at(addArgs(wanted), file)
  const unasked = await cli.run([...args, '--yes'], withPath)
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--run-plugin says yes beforehand')])
  expect(unasked.stderr).toContain('PROFILE=… ./get-token it')
  expect(unasked.stderr).not.toContain('prod')
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
