import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { sampleCertificate, sampleKey } from './samplepem.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const ca = base64(sampleCertificate)

/** What no error may show. */
export const secret = 'hunter2-of-the-file'
/** What a program would leave that was run. */
export const marker: string = join(tmpdir(), `telpher-hostile-${process.pid}`)
const touch = { apiVersion: 'client.authentication.k8s.io/v1', command: '/usr/bin/touch', args: [marker], interactiveMode: 'Never' }

/** What differs from a harmless one. */
export interface Parts {
  readonly user?: object | string | null
  readonly cluster?: object
  readonly context?: object
  readonly top?: object
}

/** The text of such a kubeconfig. @param address of the server that it names */
export const written = (address: string, { user = { token: secret }, cluster = {}, context = {}, top = {} }: Parts): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: address, 'certificate-authority-data': ca, ...cluster } }],
    contexts: [{ name: 'here', context: { cluster: 'c', user: 'u', ...context } }],
    users: [{ name: 'u', user }],
    ...top,
  })

/** Where the user is. */
export const userAt = 'users[0].user'
const clusterAt = 'clusters[0].cluster'
const ofUser = (user: object, name: string): [Parts, string] => [{ user }, `${userAt}.${name}`]
const ofCluster = (cluster: object, name: string): [Parts, string] => [{ cluster }, `${clusterAt}.${name}`]
const two = (field: string, entry: object): [Parts, string] => [{ top: { [field]: [entry, entry] } }, field]
const clusterEntry = { name: 'c', cluster: { server: 'https://b.example' } }

/** Kubeconfigs that want something of whoever reads them: what each is, its parts, and the field that it is refused for. */
export const hostile: readonly [string, Parts, string][] = [
  // Programs.
  ['an exec plugin', ...ofUser({ exec: touch }, 'exec')],
  ['an exec plugin beside a token', ...ofUser({ token: secret, exec: touch }, 'exec')],
  ['an exec plugin with an environment', ...ofUser({ exec: { ...touch, env: [{ name: 'LD_PRELOAD', value: '/x.so' }] } }, 'exec')],
  ['an exec plugin through a shell', ...ofUser({ exec: { command: 'sh', args: ['-c', `touch ${marker}`] } }, 'exec')],
  ['an exec plugin that is empty', ...ofUser({ token: secret, exec: {} }, 'exec')],
  ['an exec plugin that is a text', ...ofUser({ token: secret, exec: `touch ${marker}` }, 'exec')],
  [
    'an auth provider with a command',
    ...ofUser({ 'auth-provider': { name: 'gcp', config: { 'cmd-path': touch.command } } }, 'auth-provider'),
  ],
  ['an auth provider with a shell', ...ofUser({ 'auth-provider': { name: 'gcp', config: { 'cmd-path': '$(id)' } } }, 'auth-provider')],
  ['an auth provider of OpenID', ...ofUser({ 'auth-provider': { name: 'oidc', config: { 'refresh-token': secret } } }, 'auth-provider')],
  ['an auth provider of Azure', ...ofUser({ 'auth-provider': { name: 'azure' } }, 'auth-provider')],
  // Files of this machine.
  ['a token from a file', ...ofUser({ tokenFile: '/etc/shadow' }, 'tokenFile')],
  ['a token from a file beside a token', ...ofUser({ token: secret, tokenFile: '/etc/shadow' }, 'tokenFile')],
  ['a token from a file up the tree', ...ofUser({ tokenFile: '../../.ssh/id_rsa' }, 'tokenFile')],
  ['a token from the environment of a process', ...ofUser({ tokenFile: '/proc/self/environ' }, 'tokenFile')],
  ['a token from standard input', ...ofUser({ tokenFile: '/dev/stdin' }, 'tokenFile')],
  ['a token without an end', ...ofUser({ tokenFile: '/dev/zero' }, 'tokenFile')],
  ['a token from a list of files', ...ofUser({ tokenFile: ['/etc/shadow'] }, 'tokenFile')],
  ['a certificate from a file', ...ofUser({ 'client-certificate': 'me.crt', 'client-key-data': base64(sampleKey) }, 'client-certificate')],
  ['a key from a file', ...ofUser({ 'client-certificate-data': ca, 'client-key': '/root/.ssh/id_rsa' }, 'client-key')],
  ['a key from the network', ...ofUser({ 'client-certificate-data': ca, 'client-key': 'https://evil.example/key' }, 'client-key')],
  ['an authority from a file', ...ofCluster({ 'certificate-authority': '/etc/passwd' }, 'certificate-authority')],
  ['an authority from the home folder', ...ofCluster({ 'certificate-authority': '~/.ssh/id_rsa' }, 'certificate-authority')],
  // Somebody else.
  ['impersonation', ...ofUser({ token: secret, as: 'system:admin' }, 'as')],
  ['impersonation by number', ...ofUser({ token: secret, 'as-uid': '0' }, 'as-uid')],
  ['impersonation of groups', ...ofUser({ token: secret, 'as-groups': ['system:masters'] }, 'as-groups')],
  ['impersonation of no group', ...ofUser({ token: secret, 'as-groups': [] }, 'as-groups')],
  ['impersonation with more', ...ofUser({ token: secret, 'as-user-extra': { scopes: ['x'] } }, 'as-user-extra')],
  ['a name', ...ofUser({ username: 'admin', password: secret }, 'username')],
  ['a password', ...ofUser({ password: secret }, 'password')],
  // Other ways to the server.
  ['a verification that is skipped', ...ofCluster({ 'insecure-skip-tls-verify': true }, 'insecure-skip-tls-verify')],
  ['a verification that is skipped in words', ...ofCluster({ 'insecure-skip-tls-verify': 'true' }, 'insecure-skip-tls-verify')],
  ['a verification that is skipped by number', ...ofCluster({ 'insecure-skip-tls-verify': 1 }, 'insecure-skip-tls-verify')],
  ['a proxy', ...ofCluster({ 'proxy-url': 'socks5://evil.example' }, 'proxy-url')],
  ['a proxy that is an object', ...ofCluster({ 'proxy-url': { url: 'http://evil.example' } }, 'proxy-url')],
  ['an address without TLS', ...ofCluster({ server: 'http://api.example' }, 'server')],
  ['an address of a file', ...ofCluster({ server: 'file:///etc/passwd' }, 'server')],
  ['an address of a socket', ...ofCluster({ server: 'unix:///var/run/docker.sock' }, 'server')],
  ['an address with a password', ...ofCluster({ server: `https://me:${secret}@api.example` }, 'server')],
  ['an address with a query', ...ofCluster({ server: `https://api.example/?token=${secret}` }, 'server')],
  ['an address with a fragment', ...ofCluster({ server: 'https://api.example/#x' }, 'server')],
  ['an address with a line end', ...ofCluster({ server: 'https://api.example\r\nX-Evil: 1' }, 'server')],
  ['an address with backslashes', ...ofCluster({ server: 'https://api.example\\@evil.example' }, 'server')],
  ['an address that is a list', ...ofCluster({ server: ['https://api.example'] }, 'server')],
  ['no address', ...ofCluster({ server: '' }, 'server')],
  ['a server name that is an object', ...ofCluster({ 'tls-server-name': {} }, 'tls-server-name')],
  ['a field that clusters have not', ...ofCluster({ 'api-version': 'v1' }, 'api-version')],
  ['a field that users have not', ...ofUser({ token: secret, command: 'x' }, 'command')],
  ['a merge key', ...ofUser({ token: secret, '<<': { exec: touch } }, '<<')],
  ['a field with a terminal escape', ...ofUser({ token: secret, '\x1b]0;x\x07': 1 }, '\\x1b]0;x\\x07')],
  // Credentials that are none.
  ['a token with a line end', ...ofUser({ token: `${secret}\r\nX-Evil: 1` }, 'token')],
  ['a token with a space', ...ofUser({ token: `${secret} x` }, 'token')],
  ['a token with a NUL', ...ofUser({ token: `${secret}\0` }, 'token')],
  ['a token beyond ASCII', ...ofUser({ token: `${secret}é` }, 'token')],
  ['a token that is larger than headers may be', ...ofUser({ token: secret.repeat(2000) }, 'token')],
  ['a token that is a number', ...ofUser({ token: 5 }, 'token')],
  ['a token that is an object', ...ofUser({ token: { toString: secret } }, 'token')],
  ['a certificate that is not base64', ...ofUser({ 'client-certificate-data': '!!', 'client-key-data': ca }, 'client-certificate-data')],
  [
    'a certificate that is not PEM',
    ...ofUser({ 'client-certificate-data': base64(secret), 'client-key-data': base64(sampleKey) }, 'client-certificate-data'),
  ],
  ['a key that is not PEM', ...ofUser({ 'client-certificate-data': ca, 'client-key-data': base64(secret) }, 'client-key-data')],
  ['a certificate without its key', { user: { 'client-certificate-data': ca } }, userAt],
  ['an authority that is not PEM', ...ofCluster({ 'certificate-authority-data': base64(secret) }, 'certificate-authority-data')],
  [
    'an authority that only looks like PEM',
    ...ofCluster(
      { 'certificate-authority-data': base64('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') },
      'certificate-authority-data',
    ),
  ],
  ['no credential', { user: {} }, userAt],
  ['a user that is nothing', { user: null }, userAt],
  ['a user that is a text', { user: secret }, userAt.replace('[0]', '.0')],
  // Files that mean different things to different readers.
  ['another kind of object', { top: { kind: 'Secret' } }, 'kind'],
  ['another version', { top: { apiVersion: 'v2' } }, 'apiVersion'],
  ['two clusters of a name', ...two('clusters', clusterEntry)],
  ['two users of a name', ...two('users', { name: 'u', user: { token: secret } })],
  ['two contexts of a name', ...two('contexts', { name: 'here', context: { cluster: 'c', user: 'u' } })],
  ['a context of another cluster', { context: { cluster: 'd' } }, 'clusters'],
  ['a context of another user', { context: { user: 'v' } }, 'users'],
  ['a namespace that leaves its path', { context: { namespace: '../kube-system' } }, 'contexts.0.context.namespace'],
]

/** Texts that are no kubeconfig, and want to be one. */
export const malformed: readonly [string, string][] = [
  ['a tag that makes an object', `users: !!js/function 'function () {}'\n`],
  ['a tag of Python', `users: !!python/object/apply:os.system ["touch ${marker}"]\n`],
  ['two documents', 'kind: Config\n---\nkind: Config\n'],
  ['a field twice', `users: []\nusers: [{ name: u, user: { token: ${secret} } }]\n`],
  ['an alias bomb', `a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n`],
  ['an alias of itself', 'users: &a [*a]\n'],
  ['100,000 lists in each other', `users: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`],
  ['a list', '- a\n'],
  ['a text', `${secret}\n`],
  ['nothing', ''],
]
