import { expect, test } from 'vitest'
import { mustHoldNoCredential } from './clear-credential.ts'
import { Secret } from './secret.ts'

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded({ sub: 'system:serviceaccount:a:b' })}.${'c2lnbmF0dXJl'.repeat(4)}`
const pem = `-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg\n-----END EC PRIVATE KEY-----\n`
const kubeconfig = `apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: abcdef0123456789\n`
const step = { kind: 'helm', name: 'web', package: 'a'.repeat(64), release: 'web', chart: '.', values: [], set: {} }
const request = { targets: ['staging'], steps: [step] }
const base64Of = (text: string): string => Buffer.from(text).toString('base64')

test.each([
  ['a token', { steps: [{ ...step, set: { 'auth.token': jwt } }] }, 'steps.0.set.auth.token'],
  ['a token with words around it', { steps: [{ ...step, set: { header: `Bearer ${jwt} is it` } }] }, 'steps.0.set.header'],
  ['a private key', { steps: [{ ...step, set: { tls: pem } }] }, 'steps.0.set.tls'],
  ['a private key of another kind', { inputs: { key: pem.replaceAll('EC ', '') } }, 'inputs.key'],
  ['a kubeconfig', { inputs: { config: kubeconfig } }, 'inputs.config'],
  ['a kubeconfig in JSON', { inputs: { config: '{"user":{"token":"abcdef0123456789"}}' } }, 'inputs.config'],
  ['the key of a kubeconfig', { steps: [{ ...step, set: { c: `client-key-data: ${base64Of(pem)}` } }] }, 'steps.0.set.c'],
  ['a kubeconfig in base64', { steps: [{ ...step, set: { c: base64Of(kubeconfig) } }] }, 'steps.0.set.c'],
  ['a private key in base64', { steps: [{ ...step, set: { c: base64Of(pem) } }] }, 'steps.0.set.c'],
  ['a name', { name: `deploy ${jwt}` }, 'name'],
  ['the name of a value', { steps: [{ ...step, set: { [jwt]: 'x' } }] }, 'steps.0.set'],
  ['the name of a value that is to be sealed', { steps: [{ ...step, setSecret: { [jwt]: { secret: 'x' } } }] }, 'steps.0.setSecret'],
  ['a path', { steps: [{ ...step, values: [jwt] }] }, 'steps.0.values.0'],
])('%s is refused by the name of its field alone', (_, changes, field) => {
  const refuse = (): void => mustHoldNoCredential({ ...request, ...changes })
  expect(refuse).toThrow(expect.objectContaining({ code: 'credential_in_clear', field }))
  expect(refuse).toThrow(expect.objectContaining({ message: expect.not.stringContaining(jwt.slice(0, 20)) }))
})

test.each([
  ['nothing', {}],
  ['words that speak of tokens', { name: 'token: rotated, password: see vault' }],
  ['a sum, a digest and an image', { steps: [{ ...step, image: `registry.example/exec@sha256:${'0f'.repeat(32)}` }] }],
  ['a certificate', { steps: [{ ...step, set: { ca: pem.replaceAll('EC PRIVATE KEY', 'CERTIFICATE') } }] }],
  ['a public key in base64', { inputs: { key: base64Of(pem.replaceAll('EC PRIVATE KEY', 'PUBLIC KEY')) } }],
  ['half a token', { inputs: { head: jwt.split('.')[0] } }],
  ['the name of a stored secret', { steps: [{ ...step, setSecret: { 'auth.token': { secret: 'api-token' } } }] }],
  ['a value that is to be sealed', { steps: [{ ...step, setSecret: { 'auth.token': { value: jwt } } }] }],
  ['the same at a server', { steps: [{ ...step, setSecret: { 'auth.token': { value: new Secret(jwt) } } }] }],
])('%s is taken', (_, changes) => {
  expect(() => mustHoldNoCredential({ ...request, ...changes })).not.toThrow()
})
