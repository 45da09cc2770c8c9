import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { apiClient } from '../../../src/sandbox/kubernetes/request.ts'
import { eventually } from '../../support/eventually.ts'
import { freshNamespace, ownCluster } from '../../support/sandbox.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await ownCluster('kwok')
})
afterAll(() => cluster.stop())

test('three replicas become ready on pretended nodes', async () => {
  const namespace = await freshNamespace(cluster)
  await cluster.kubectl('create', 'deployment', 'web', '--image=example.test/web:1', '--replicas=3', `--namespace=${namespace}`)
  await cluster.kubectl('rollout', 'status', 'deployment/web', `--namespace=${namespace}`, '--timeout=60s')
  const ready = await cluster.kubectl('get', 'deployment/web', `--namespace=${namespace}`, '--output=jsonpath={.status.readyReplicas}')
  expect(ready).toBe('3')
})

test('writes are in the audit log, reads are not', async () => {
  await cluster.kubectl('create', 'configmap', 'audited', '--from-literal=a=b')
  await cluster.kubectl('get', 'configmap', 'audited')
  interface Line {
    readonly verb: string
    readonly objectRef?: { readonly name?: string }
  }
  const lines = await eventually(() => {
    const all = readFileSync(cluster.auditLog, 'utf8').trimEnd().split('\n')
    const about = all.map((line) => JSON.parse(line) as Line).filter(({ objectRef }) => objectRef?.name === 'audited')
    return about.length > 0 && about
  })
  expect(lines.map(({ verb }) => verb)).toEqual(['create'])
})

test('a certificate that expired is refused, a valid one and a token are taken', async () => {
  const as = (notAfter: Date) => {
    const pair = cluster.issueClientCert({ commonName: 'jane', organizations: ['system:masters'], notAfter })
    return apiClient(cluster.server, cluster.caPem, pair)('GET', '/api/v1/namespaces')
  }
  expect((await as(new Date(Date.now() - 60_000))).status).toBe(401)
  expect((await as(new Date(Date.now() + 60_000))).status).toBe(200)
  const token = await cluster.serviceAccountToken('default', 'bob')
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
  const answer = await cluster.api('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)
  expect(JSON.parse(answer.body)).toMatchObject({
    status: { authenticated: true, user: { username: 'system:serviceaccount:default:bob' } },
  })
})

test('the API server can be stopped, killed and started again with what it had', async () => {
  const namespace = await freshNamespace(cluster)
  await cluster.apiserver.stop()
  await expect(cluster.api('GET', '/readyz')).rejects.toThrow('ECONNREFUSED')
  await cluster.apiserver.start()
  await cluster.apiserver.kill('SIGKILL')
  await cluster.apiserver.start()
  expect((await cluster.api('GET', `/api/v1/namespaces/${namespace}`)).status).toBe(200)
})
