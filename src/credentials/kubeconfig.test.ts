import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readKubeconfig } from './kubeconfig.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const config = (user: object = { token: 'tok' }, cluster: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443', 'certificate-authority-data': base64('CA PEM'), ...cluster } }],
  contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
  users: [{ name: 'u', user }],
})

const read = (value: object | string, context = 'here', files: Record<string, string> = {}) =>
  readKubeconfig(typeof value === 'string' ? value : stringify(value), {
    context,
    path: '/home/me/.kube/config',
    readFile: async (path) => {
      const content = files[path]
      if (content === undefined) throw new Error('ENOENT')
      return content
    },
  })

test('takes server, authority, namespace and token', async () => {
  expect(await read(config())).toEqual({
    server: 'https://api.example:6443',
    ca: 'CA PEM',
    namespace: 'shop',
    credential: { kind: 'bearer', token: 'tok' },
  })
})

test('takes a client certificate, from data or from files beside the kubeconfig', async () => {
  const data = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') }
  expect((await read(config(data))).credential).toEqual({ kind: 'client-certificate', certificate: 'CERT', key: 'KEY' })
  const files = { '/home/me/.kube/me.crt': 'CERT', '/home/me/.kube/me.key': 'KEY' }
  expect((await read(config({ 'client-certificate': 'me.crt', 'client-key': 'me.key' }), 'here', files)).credential).toEqual({
    kind: 'client-certificate',
    certificate: 'CERT',
    key: 'KEY',
  })
})

test('a byte order mark and Windows line ends do no harm', async () => {
  const text = `\uFEFF${stringify(config()).replaceAll('\n', '\r\n')}`
  expect((await read(text)).credential).toEqual({ kind: 'bearer', token: 'tok' })
})

test.each<[string, object, object, string, string]>([
  ['an exec plugin', { exec: { command: 'aws' } }, {}, 'kubeconfig_plugin', 'users[0].user.exec'],
  [
    'an auth provider',
    { 'auth-provider': { name: 'gcp', config: { 'cmd-path': '/bin/evil' } } },
    {},
    'kubeconfig_plugin',
    'users[0].user.auth-provider',
  ],
  ['a password', { username: 'me', password: 'hunter2' }, {}, 'invalid_kubeconfig', 'users[0].user.username'],
  ['impersonation', { token: 't', as: 'admin' }, {}, 'invalid_kubeconfig', 'users[0].user.as'],
  [
    'a skipped verification',
    { token: 't' },
    { 'insecure-skip-tls-verify': true },
    'invalid_kubeconfig',
    'clusters[0].cluster.insecure-skip-tls-verify',
  ],
  ['a proxy', { token: 't' }, { 'proxy-url': 'socks5://x' }, 'invalid_kubeconfig', 'clusters[0].cluster.proxy-url'],
  ['plain http', { token: 't' }, { server: 'http://api.example' }, 'invalid_kubeconfig', 'clusters[0].cluster.server'],
  ['no credential', {}, {}, 'invalid_kubeconfig', 'users[0].user'],
  ['a certificate without its key', { 'client-certificate-data': base64('CERT') }, {}, 'invalid_kubeconfig', 'users[0].user'],
  ['a number as token', { token: 5 }, {}, 'invalid_kubeconfig', 'users[0].user.token'],
])('refuses %s, with its field and without its value', async (_, user, cluster, code, field) => {
  const refused = await read(config(user, cluster)).catch((thrown: unknown) => thrown)
  expect(refused).toMatchObject({ code, field })
  expect(String(refused)).not.toContain('hunter2')
  expect(String(refused)).not.toContain('/bin/evil')
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
])('%s', async (_, value, context, message) => {
  await expect(read(value, context)).rejects.toThrow(message)
})
