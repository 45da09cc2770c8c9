import { expect, test } from 'vitest'
import { sampleCertificate, sampleKey } from '../../tests/support/samplepem.ts'
import { credentialPrinted, execPluginIn } from './exec-plugin.ts'

const apiVersion = 'client.authentication.k8s.io/v1'
const aws = { apiVersion, command: 'aws', args: ['eks', 'get-token'], env: null, interactiveMode: 'IfAvailable', provideClusterInfo: false }

test('takes a plugin as the clouds write it', () => {
  expect(execPluginIn({ ...aws, env: [{ name: 'AWS_PROFILE', value: 'prod' }], installHint: 'Install it' }, 'at')).toEqual({
    apiVersion,
    command: 'aws',
    args: ['eks', 'get-token'],
    env: { AWS_PROFILE: 'prod' },
    installHint: 'Install it',
    provideClusterInfo: false,
    interactiveMode: 'IfAvailable',
  })
})

test.each([
  ['no command', { ...aws, command: '' }],
  ['a version that is gone', { ...aws, apiVersion: 'client.authentication.k8s.io/v1alpha1' }],
  ['an argument that is no text', { ...aws, args: [1] }],
  ['an argument with a NUL', { ...aws, args: ['a\0b'] }],
  ['a variable whose name sets another', { ...aws, env: [{ name: 'A=B', value: '' }] }],
  ['a mode that is none', { ...aws, interactiveMode: 'Sometimes' }],
  ['a field that plugins have not', { ...aws, shell: true }],
  ['a text', 'aws eks get-token'],
])('refuses %s', (_, exec) => {
  expect(() => execPluginIn(exec, 'users[0].user.exec')).toThrow(
    expect.objectContaining({ code: 'kubeconfig_plugin', field: 'users[0].user.exec' }),
  )
})

const plugin = execPluginIn(aws, 'at')
const printed = (status: object, more: object = {}): string => JSON.stringify({ apiVersion, kind: 'ExecCredential', status, ...more })

test('takes a token, or a certificate with its key', () => {
  expect(credentialPrinted(plugin, printed({ token: 'k8s-aws-v1.abc', expirationTimestamp: '2026-01-01T00:00:00Z' }))).toEqual({
    kind: 'bearer',
    token: 'k8s-aws-v1.abc',
  })
  expect(credentialPrinted(plugin, printed({ clientCertificateData: sampleCertificate, clientKeyData: sampleKey }))).toEqual({
    kind: 'client-certificate',
    certificate: sampleCertificate,
    key: sampleKey,
  })
})

test.each([
  ['nothing', ''],
  ['not JSON', 'hunter2'],
  ['another kind', printed({ token: 'hunter2' }, { kind: 'Secret' })],
  ['another version', printed({ token: 'hunter2' }, { apiVersion: 'client.authentication.k8s.io/v1beta1' })],
  ['no status', JSON.stringify({ apiVersion, kind: 'ExecCredential' })],
  ['no credential', printed({})],
  ['a token with a line end', printed({ token: 'hunter2\nX: 1' })],
  ['a certificate without its key', printed({ clientCertificateData: sampleCertificate })],
])('%s is no credential, and no error shows it', (_, text) => {
  expect(() => credentialPrinted(plugin, text)).toThrow(expect.objectContaining({ code: 'kubeconfig_plugin' }))
  expect(() => credentialPrinted(plugin, text)).not.toThrow('hunter2')
})
