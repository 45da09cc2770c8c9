import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { federationNames } from '../../../src/credentials/federation/names.ts'
import { authenticationConfiguration } from '../../../src/credentials/federation/trust.ts'
import { loadKeyFile } from '../../../src/credentials/keyfile.ts'
import type { Target } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { startCheckWorker } from '../../support/check-worker.ts'
import { forwardTo, type HttpsHost, serveHttps } from '../../support/https-host.ts'
import { freshNamespace, ownCluster, sharedRedis } from '../../support/sandbox.ts'
import { freshName, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, type Ran, type TestCli } from './cli.ts'

/** The server behind a proxy with a certificate, as API servers reach it, and one API server that is told to trust one target of it. */
let served: ServedApi
let proxy: HttpsHost
let cluster: Cluster
let cli: TestCli
let worker: { stop(): Promise<void> }
let caFile: string
let namespace: string
const name = freshName('fed')
const pool = freshName('pool')
beforeAll(async () => {
  proxy = await serveHttps(forwardTo(() => served.url))
  served = await serveApi({ issuerUrl: proxy.url })
  cli = await createTestCli(served)
  caFile = join(await mkdtemp(join(tmpdir(), 'telpher-issuer-')), 'ca.pem')
  await writeFile(caFile, proxy.caPem)
  const names = federationNames(proxy.url, await served.store.installation(), name)
  cluster = await ownCluster('none', { authentication: authenticationConfiguration([names], { ca: proxy.caPem }) })
  namespace = await freshNamespace(cluster)
  worker = await startCheckWorker({
    url: await sharedRedis(),
    store: served.store,
    pool,
    key: await loadKeyFile(served.secrets.keyFile),
  })
})
afterAll(async () => {
  await worker.stop()
  await Promise.all([cluster.stop(), proxy.close(), served.close()])
})

const add = (more: readonly string[] = [], as = name): Promise<Ran> =>
  cli.run([
    ...['target', 'add', as, '--mode', 'federated', '--from-kubeconfig', 'local', '--file', cluster.kubeconfig],
    ...['--namespace', namespace, '--pool', pool, '--issuer-ca', caFile, '-o', 'json', ...more],
  ])
const rolesOf = async (target: string): Promise<string[]> =>
  (await cluster.kubectl('get', 'roles,rolebindings', '--all-namespaces', '--selector', `telpher.dev/target=${target}`, '-o', 'name'))
    .split('\n')
    .filter((line) => line !== '')

test('what it needs is printed for people who apply it themselves, and nothing is made', async () => {
  const ran = await add(['--print-rbac', '-o', 'table'])
  expect(ran.code, ran.stderr).toBe(0)
  const documents = parseAllDocuments(ran.stdout).map((document) => document.toJS() as { kind: string; subjects?: { name: string }[] })
  expect(documents.map(({ kind }) => kind)).toEqual(['Role', 'RoleBinding', 'AuthenticationConfiguration'])
  expect(documents[1]?.subjects).toEqual([
    { kind: 'User', name: `telpher:${await served.store.installation()}:${name}`, apiGroup: 'rbac.authorization.k8s.io' },
  ])
  expect(documents[2]).toEqual(
    authenticationConfiguration([federationNames(proxy.url, await served.store.installation(), name)], { ca: proxy.caPem }),
  )
  expect(await rolesOf(name)).toEqual([])
  expect((await served.store.targets.list()).some((target) => target.name === name)).toBe(false)
})

test('one command sets up, and proves by a worker of the pool that the API server takes what we sign', async () => {
  const ran = await add(['--yes'])
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toContain('Proven by worker tester of its pool')
  const target = JSON.parse(ran.stdout) as Target
  expect(target.account).toMatchObject({
    mode: 'federated',
    federation: { issuer: `${proxy.url}/issuers/${name}`, audience: `telpher/${name}`, keys: [{ kty: 'RSA', alg: 'RS256' }] },
  })
  expect(JSON.stringify([target, ran])).not.toContain('PRIVATE KEY')
  expect(JSON.stringify(await served.store.accounts.get(target.account.id))).not.toContain('PRIVATE KEY')
  const check = await cli.run(['target', 'check', name, '-o', 'json'])
  expect(check.code, check.stdout).toBe(0)
  expect(check.stdout).toContain(`as telpher:${await served.store.installation()}:${name}`)
  expect(check.stdout).toContain('taken; nothing was kept')
})

test('adding it again goes on where it was, with the same key', async () => {
  const before = await served.store.targets.get(name)
  const ran = await add(['--yes'])
  expect(ran.code, ran.stderr).toBe(0)
  expect(ran.stderr).toContain(`update  Role ${namespace}/deployer-${name}`)
  expect(await served.store.targets.get(name)).toEqual(before)
})

test('the documents need no token, may be kept for a minute, and can be exported as files', async () => {
  const fetched = async (path: string): Promise<{ cache: string | null; body: unknown }> => {
    const answer = await fetch(`${served.url}/issuers/${name}/${path}`)
    expect(answer.status).toBe(200)
    return { cache: answer.headers.get('cache-control'), body: await answer.json() }
  }
  const documents = [await fetched('.well-known/openid-configuration'), await fetched('jwks.json')]
  expect(documents.map(({ cache }) => cache)).toEqual(['max-age=60', 'max-age=60'])
  const ran = await cli.run(['issuer', 'export', 'public', '-o', 'json'])
  expect(ran.code, ran.stderr).toBe(0)
  const exported = (path: string): Promise<string> => readFile(join(cli.dir, 'public/issuers', name, path), 'utf8')
  expect(JSON.parse(await exported('.well-known/openid-configuration'))).toEqual(documents[0]?.body)
  expect(JSON.parse(await exported('jwks.json'))).toEqual(documents[1]?.body)
  expect(await exported('jwks.json')).not.toContain('"d"')
  expect((await fetch(`${served.url}/issuers/nobody/jwks.json`)).status).toBe(404)
})

test('what an API server is to be told can be had again, and named wrongly is said', async () => {
  const ran = await cli.run(['issuer', 'config', name, '--issuer-ca', caFile])
  expect(parse(ran.stdout)).toEqual(
    authenticationConfiguration([federationNames(proxy.url, await served.store.installation(), name)], { ca: proxy.caPem }),
  )
  const bad: readonly (readonly [readonly string[], string])[] = [
    [['issuer', 'config', 'nobody'], 'there is no target nobody of the mode federated'],
    [['issuer', 'config', name, '--issuer-ca', 'nowhere.pem'], 'nowhere.pem cannot be read'],
    [['issuer', 'config', name, '--issuer-ca', 'web.yaml'], 'not certificates in PEM'],
    [['issuer', 'config', name, '--discovery-url', 'http://x'], '--discovery-url: use an https:// address'],
  ]
  for (const [args, said] of bad) {
    const refused = await cli.run(args)
    expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining(said)])
  }
})

test('an API server that does not trust it yet is said so, with what to tell it', async () => {
  const other = freshName('fed')
  const ran = await add(['--yes', '--timeout', '1s'], other)
  expect([ran.code, ran.stderr]).toEqual([10, expect.stringContaining('its deployments cannot run yet')])
  expect(ran.stderr).toContain(`${proxy.url}/issuers/${other}`)
  const removed = await cli.run(['target', 'remove', other, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig])
  expect(removed.code, removed.stderr).toBe(0)
  expect(removed.stderr).toContain(`Take the issuer ${proxy.url}/issuers/${other} out`)
  expect(await rolesOf(other)).toEqual([])
})

test('rights that its user has from elsewhere are refused unless they are meant', async () => {
  const risky = freshName('fed')
  const user = `telpher:${await served.store.installation()}:${risky}`
  await cluster.kubectl('create', 'clusterrolebinding', risky, '--clusterrole', 'cluster-admin', '--user', user)
  const ran = await add(['--yes'], risky)
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('--acknowledge')])
  expect((await served.store.targets.list()).some((target) => target.name === risky)).toBe(false)
})

test('where the server has no address of an issuer, that is what is said', async () => {
  const plain = await serveApi()
  const ran = await (await createTestCli(plain)).run([
    ...['target', 'add', freshName('fed'), '--mode', 'federated', '--from-kubeconfig', 'local', '--file', cluster.kubeconfig],
    ...['--namespace', namespace, '--yes'],
  ])
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('TELPHER_ISSUER_URL')])
  await plain.close()
})
