import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Target } from '../model/target.ts'
import { createBinder } from './bound.ts'
import { signerOf } from './signer.ts'

const newBinder = () => createBinder(signerOf(generateKeyPairSync('ed25519').privateKey))
const binder = newBinder()
const target: Target = {
  name: 'staging',
  server: 'https://staging.example:6443',
  ca: 'PEM',
  namespace: 'shop',
  tags: ['env=staging'],
  pool: 'default',
  policy: { namespaces: ['shop'], grants: [], verbs: [], resources: [] },
  settleSeconds: 5,
  clusterId: 'c',
  account: { id: 'acc_1', mode: 'static-token', fingerprint: 'f' },
  createdAt: 1,
}
const bound = binder.bind(target)

test('a record is what a server wrote, also when its fields come in another order and its account was rotated', () => {
  expect(() => binder.must(bound)).not.toThrow()
  const { account, ...rest } = bound
  const rotated = { account: { ...account, version: 2, fingerprint: 'g', expiresAt: 7 }, ...rest }
  expect(() => binder.must(JSON.parse(JSON.stringify(rotated)) as Target)).not.toThrow()
  expect(binder.bind(bound)).toEqual(bound)
})

test.each<[string, Partial<Target>]>([
  ['another address', { server: 'https://evil.example:6443' }],
  ['one more address', { alternates: ['https://evil.example:6443'] }],
  ['other authorities', { ca: 'OTHER' }],
  ['another name of its certificate', { tlsServerName: 'evil.example' }],
  ['another pool', { pool: 'theirs' }],
  ['another policy', { policy: { ...target.policy, namespaces: ['shop', 'kube-system'] } }],
  ['another account', { account: { ...target.account, id: 'acc_2' } }],
  ['another name', { name: 'prod' }],
  ['trials', { trials: true }],
  ['no bond', { bound: undefined }],
  ['half a bond', { bound: bound.bound?.slice(0, 20) }],
  ['a bond of others', { bound: newBinder().bind(target).bound }],
])('%s is seen', (_, changes) => {
  expect(() => binder.must({ ...bound, ...changes })).toThrow(expect.objectContaining({ code: 'target_changed' }))
})
