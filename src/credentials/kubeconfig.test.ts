import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { sampleCertificate, sampleKey } from '../../tests/support/samplepem.ts'
import { readKubeconfig } from './kubeconfig.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const config = (user: object = { token: 'tok' }, cluster: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    { name: 'c', cluster: { server: 'https://api.example:6443', 'certificate-authority-data': base64(sampleCertificate), ...cluster } },
  ],
  contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
  users: [{ name: 'u', user }],
})

const read = (value: object | string, context = 'here') => readKubeconfig(typeof value === 'string' ? value : stringify(value), context)

test('takes server, authority, namespace and token', () => {
  expect(read(config())).toEqual({
    server: 'https://api.example:6443',
    ca: sampleCertificate,
    namespace: 'shop',
    credential: { kind: 'bearer', token: 'tok' },
  })
})

test('takes a client certificate', () => {
  const data = { 'client-certificate-data': base64(sampleCertificate), 'client-key-data': base64(sampleKey) }
  expect(read(config(data)).credential).toEqual({ kind: 'client-certificate', certificate: sampleCertificate, key: sampleKey })
})

test('what other tools note, and what another context needs, does no harm', () => {
  const noted = { extensions: [{ name: 'minikube.sigs.k8s.io', extension: { version: 'v1' } }] }
  const own = config({ token: 'tok', ...noted }, { ...noted, 'disable-compression': true, 'insecure-skip-tls-verify': false })
  const others = { ...own, users: [...own.users, { name: 'aws', user: { exec: { command: 'aws' } } }] }
  expect(read(others).credential).toEqual({ kind: 'bearer', token: 'tok' })
})

test('a byte order mark and Windows line ends do no harm', () => {
  const text = `\uFEFF${stringify(config()).replaceAll('\n', '\r\n')}`
  expect(read(text).credential).toEqual({ kind: 'bearer', token: 'tok' })
})

test.each([
  ['an unknown context names those that there are', config(), 'there', 'here'],
  ['not YAML', '{', 'here', 'not YAML'],
  ['a key twice', 'clusters: []\nclusters: []\n', 'here', 'not YAML'],
  ['not a kubeconfig', 'clusters: 5\n', 'here', 'clusters'],
  [
    'an alias bomb',
    `a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]\n`,
    'here',
    'aliases',
  ],
  ['too large', `a: ${'x'.repeat(2 << 20)}\n`, 'here', '1 MiB'],
])('%s', (_, value, context, message) => {
  expect(() => read(value, context)).toThrow(message)
})
