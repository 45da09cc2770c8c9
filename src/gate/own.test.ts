import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { AuditCall } from '../model/audit.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection, ClusterRequest } from '../model/ports.ts'
import { recordingConnection } from './own.ts'

const record = async (asked: ClusterRequest, fail?: Error) => {
  const order: string[] = []
  const calls: AuditCall[] = []
  const inner: ClusterConnection = {
    credentialId: 'jti-1',
    async request() {
      order.push('sent')
      if (fail !== undefined) throw fail
      return { status: 201, headers: { 'audit-id': 'a-1' }, rawHeaders: [], body: Readable.from([]) }
    },
    upgrade: () => Promise.reject(new Error('not here')),
    close() {},
  }
  const connection = recordingConnection(inner, { who: 'worker:w1', target: 'prod' }, async (call) => {
    order.push('recorded')
    calls.push(call)
  })
  await connection.request(asked).then(
    () => order.push('answered'),
    () => order.push('failed'),
  )
  return { order, calls: calls.map(({ at: _at, ms: _ms, ...call }) => call) }
}

const common = { type: 'call', who: 'worker:w1', target: 'prod', dryRun: false, code: 201, credentialId: 'jti-1', auditId: 'a-1' }
const core = { group: '', version: 'v1' }

test('a write is recorded before its answer is given on, with the name that its body gives', async () => {
  const secret = { metadata: { name: 'telpher-1' }, data: { password: 'hunter2' } }
  const { order, calls } = await record({ method: 'POST', path: '/api/v1/namespaces/home/secrets', body: JSON.stringify(secret) })
  expect(order).toEqual(['sent', 'recorded', 'answered'])
  expect(calls).toEqual([{ ...common, ...core, verb: 'create', resource: 'secrets', namespace: 'home', name: 'telpher-1' }])
})

test('a token of an account is a write, and what is asked dry is said to be', async () => {
  const path = '/api/v1/namespaces/home/serviceaccounts/deployer/token'
  expect((await record({ method: 'POST', path, body: '{"kind":"TokenRequest"}' })).calls).toEqual([
    { ...common, ...core, verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: 'home', name: 'deployer' },
  ])
  const dry = { method: 'PATCH', path: '/api/v1/namespaces/a/configmaps/b?fieldManager=x&dryRun=All', body: '{}' }
  expect((await record(dry)).calls).toMatchObject([{ verb: 'patch', dryRun: true }])
})

test('one without an answer is recorded as such', async () => {
  const { order, calls } = await record(
    { method: 'DELETE', path: '/api/v1/namespaces/a/secrets/b' },
    new TelpherError('target_timeout', 'away'),
  )
  expect([order, calls[0]?.code, calls[0]?.auditId]).toEqual([['sent', 'recorded', 'failed'], 0, undefined])
})

test.each([
  ['GET', '/api/v1/namespaces/a/secrets'],
  ['POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews'],
  ['GET', '/version'],
])('%s %s changes nothing and is not recorded', async (method, path) => {
  expect(await record({ method, path })).toEqual({ order: ['sent', 'answered'], calls: [] })
})
