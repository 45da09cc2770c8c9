import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { clientCertificateMode } from '../../src/credentials/modes/client-certificate.ts'
import { inClusterMode } from '../../src/credentials/modes/in-cluster.ts'
import { staticTokenMode } from '../../src/credentials/modes/static-token.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'
import { bearer, connector, modeContract, newAttempt } from './modes.ts'

const nothing = async (): Promise<readonly string[]> => []
const targetOf = (cluster: Cluster) => ({ server: cluster.server, connect: connector(cluster) })

modeContract('static-token', async (cluster) => {
  const namespace = await freshNamespace(cluster)
  const token = await cluster.serviceAccountToken(namespace, 'static')
  return {
    mode: staticTokenMode(bearer(token), targetOf(cluster)),
    refused: staticTokenMode(bearer(`${token.slice(0, -8)}AAAAAAAA`), targetOf(cluster)),
    username: `system:serviceaccount:${namespace}:static`,
    leftovers: nothing,
  }
})

modeContract('client-certificate', async (cluster) => {
  const credentialOf = ({ certPem, keyPem }: { certPem: string; keyPem: string }) =>
    ({ id: 'cert', kind: 'client-certificate', certificate: certPem, key: new Secret(keyPem) }) as const
  return {
    mode: clientCertificateMode(credentialOf(cluster.issueClientCert({ commonName: 'ana' })), targetOf(cluster)),
    refused: clientCertificateMode(credentialOf((await createAuthority('another')).issue({ commonName: 'ana' })), targetOf(cluster)),
    username: 'ana',
    leftovers: nothing,
  }
})

const dirs: string[] = []
afterAll(() => Promise.all(dirs.map((dir) => rm(dir, { recursive: true }))))

/** A token where the kubelet would put it, for a worker whose cluster is this one. */
const mounted = async (cluster: Cluster, token: string) => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-mounted-'))
  dirs.push(dir)
  const tokenFile = join(dir, 'token')
  await writeFile(tokenFile, `${token}\n`)
  const { hostname, port } = new URL(cluster.server)
  return { ...targetOf(cluster), tokenFile, env: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port } }
}

modeContract('in-cluster', async (cluster) => {
  const namespace = await freshNamespace(cluster)
  const token = await cluster.serviceAccountToken(namespace, 'worker')
  return {
    mode: inClusterMode(await mounted(cluster, token)),
    refused: inClusterMode(await mounted(cluster, `${token.slice(0, -8)}AAAAAAAA`)),
    username: `system:serviceaccount:${namespace}:worker`,
    leftovers: nothing,
  }
})

test('an in-cluster token is read anew each time, since the kubelet replaces it', async () => {
  const cluster = await sharedCluster('none')
  const namespace = await freshNamespace(cluster)
  const options = await mounted(cluster, await cluster.serviceAccountToken(namespace, 'first'))
  const mode = inClusterMode(options)
  expect(await mode.verify()).toMatchObject({ username: `system:serviceaccount:${namespace}:first` })
  await writeFile(options.tokenFile, await cluster.serviceAccountToken(namespace, 'second'))
  expect(await mode.verify()).toMatchObject({ username: `system:serviceaccount:${namespace}:second` })
})

test.each([
  ['another host', { KUBERNETES_SERVICE_HOST: '10.0.0.1' }],
  ['another port', { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' }],
  ['no cluster at all', {}],
])('an in-cluster token goes to no other API server: %s', async (_, env) => {
  const cluster = await sharedCluster('none')
  const options = await mounted(cluster, 'a-token')
  await expect(inClusterMode({ ...options, env }).mint(newAttempt(), 600_000)).rejects.toMatchObject({ code: 'in_cluster' })
})

test('a worker without a mounted token says so', async () => {
  const cluster = await sharedCluster('none')
  const options = await mounted(cluster, 'a-token')
  const mode = inClusterMode({ ...options, tokenFile: '/nowhere/token' })
  await expect(mode.mint(newAttempt(), 600_000)).rejects.toMatchObject({
    code: 'in_cluster',
    message: expect.stringContaining('/nowhere/token'),
  })
  await writeFile(options.tokenFile, 'two words')
  await expect(inClusterMode(options).mint(newAttempt(), 600_000)).rejects.toMatchObject({ code: 'in_cluster' })
})
