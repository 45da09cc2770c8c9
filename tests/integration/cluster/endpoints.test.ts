import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, createConnector } from '../../../src/cluster/connection.ts'
import { runLadder } from '../../../src/cluster/preflight.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import { Secret } from '../../../src/model/secret.ts'
import type { Target } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { freePort } from '../../../src/sandbox/ports.ts'
import { fetchAs } from '../../support/bootstrap.ts'
import { eventually } from '../../support/eventually.ts'
import { type HttpsHost, serveHttps } from '../../support/https-host.ts'
import { sampleTarget } from '../../support/samples.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { startProxy, type TcpProxy } from './proxy.ts'

/** Two ways to one API server, each of which can be broken by itself, and a server that is none of its. */
let cluster: Cluster
let ways: [TcpProxy, TcpProxy]
let stranger: HttpsHost
let credential: Credential
let namespace: string
beforeAll(async () => {
  cluster = await sharedCluster('none')
  const port = Number(new URL(cluster.server).port)
  ways = [await startProxy(port), await startProxy(port)]
  stranger = await serveHttps(async (_, response) => void response.end('{}'))
  namespace = await freshNamespace(cluster)
  const token = await cluster.serviceAccountToken(namespace, 'ends')
  await cluster.kubectl('create', 'rolebinding', 'ends', '-n', namespace, '--clusterrole', 'admin', '--serviceaccount', `${namespace}:ends`)
  await eventually(async () => (await fetchAs(cluster, token, 'GET', `/api/v1/namespaces/${namespace}/pods`)).status === 200)
  credential = { id: 'ends', kind: 'bearer', token: new Secret(token) }
})
afterAll(async () => {
  await Promise.all([...ways.map((way) => way.stop()), stranger.close()])
})

const at = (port: number): string => `https://127.0.0.1:${port}`
const trust = (server: string, ...alternates: string[]) => ({ server, alternates, ca: cluster.caPem })
const statusOf = async (connection: ClusterConnection): Promise<number> => {
  const answer = await connection.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` })
  await text(answer.body)
  return answer.status
}

test('what reached nobody goes to the next address, with its body, and later requests begin there', async () => {
  const dead = at(await freePort())
  const connector = createConnector()
  const connection = connector(trust(dead, at(ways[0].port)), credential)
  const body = Readable.from([Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'moved' } }))])
  const answer = await connection.request({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/configmaps`,
    headers: { 'content-type': 'application/json' },
    body,
  })
  expect([answer.status, await text(answer.body)]).toEqual([201, expect.stringContaining('"moved"')])
  expect(await statusOf(connector(trust(dead, at(ways[0].port)), credential))).toBe(200)
  connection.close()
})

test('when the one that was used goes away, the others are tried, the first among them', async () => {
  const gone = await startProxy(Number(new URL(cluster.server).port))
  const connection = connect(trust(at(ways[0].port), at(gone.port)), credential)
  const onlyGone = connect(trust(at(gone.port), at(ways[1].port)), credential)
  expect([await statusOf(connection), await statusOf(onlyGone)]).toEqual([200, 200])
  await gone.stop()
  await eventually(async () => (await statusOf(onlyGone)) === 200)
  expect(await statusOf(connection)).toBe(200)
  connection.close()
  onlyGone.close()
})

test('what may have been sent is never sent again elsewhere', async () => {
  const cut = await serveHttps(async (request) => void request.socket.destroy())
  const before = ways[0].accepted()
  const connection = connect({ ...trust(cut.url, at(ways[0].port)), ca: `${cluster.caPem}${cut.caPem}` }, credential)
  await expect(
    connection.request({ method: 'POST', path: `/api/v1/namespaces/${namespace}/configmaps`, body: '{}' }),
  ).rejects.toMatchObject({ code: 'target_error' })
  expect(ways[0].accepted()).toBe(before)
  connection.close()
  await cut.close()
})

test('each address is verified: who cannot prove to be the API server gets nothing, and is not passed over', async () => {
  const before = ways[0].accepted()
  const connection = connect(trust(stranger.url, at(ways[0].port)), credential)
  await expect(statusOf(connection)).rejects.toMatchObject({ code: 'target_tls' })
  expect(ways[0].accepted()).toBe(before)
  connection.close()
})

test('where no address answers, that is said of the last one', async () => {
  const connection = connect(trust(at(await freePort()), at(await freePort())), credential)
  await expect(statusOf(connection)).rejects.toMatchObject({ code: 'target_unreachable' })
  connection.close()
})

const ladder = (changes: Partial<Target>) => {
  const target = sampleTarget('ends', { ca: cluster.caPem, namespace, ...changes })
  return runLadder({ target, credential, worker: 'w1' })
}

test('a check climbs to every address: one that is away is a warning, a false one a failure', async () => {
  const dead = at(await freePort())
  const report = await ladder({ server: dead, alternates: [at(ways[0].port)] })
  expect(report.ok, JSON.stringify(report.lines)).toBe(true)
  expect(report.lines.filter(({ rung }) => rung === 'tcp').map(({ status }) => status)).toEqual(['warn', 'ok'])
  expect(report.lines.find(({ rung }) => rung === 'dry-run')).toMatchObject({ status: 'ok', message: 'taken; nothing was kept' })
  const spoofed = await ladder({ server: at(ways[0].port), alternates: [stranger.url] })
  expect([spoofed.ok, spoofed.lines.find(({ status }) => status === 'failed')]).toMatchObject([false, { rung: 'tls', code: 'target_tls' }])
})

test('authorities may overlap while one follows the other', async () => {
  const old = `${stranger.caPem}${cluster.caPem}`
  expect((await ladder({ server: at(ways[0].port), ca: old })).ok).toBe(true)
  expect((await ladder({ server: at(ways[0].port), ca: stranger.caPem })).lines.find(({ rung }) => rung === 'tls')).toMatchObject({
    status: 'failed',
    code: 'target_tls',
  })
})
