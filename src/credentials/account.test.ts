import { expect, test } from 'vitest'
import { createAuthority } from '../sandbox/kubernetes/pki.ts'
import { openAccount, type PlainCredential, plainCredentialSchema, summarize } from './account.ts'

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const bearer = (token: string): PlainCredential => ({ kind: 'bearer', token })

test('a summary shows a fingerprint and the expiry, never the credential', () => {
  const token = jwt({ exp: 2_000_000_000 })
  const summary = summarize('acc_1', bearer(token))
  expect(summary).toMatchObject({ id: 'acc_1', mode: 'static-token', expiresAt: 2_000_000_000_000 })
  expect(summary.fingerprint).toMatch(/^[0-9a-f]{16}$/)
  expect(JSON.stringify(summary)).not.toContain(token)
})

test.each([
  ['an opaque token', 'opaque'],
  ['a JWT without exp', jwt({ iss: 'x' })],
  ['an exp that is no number', jwt({ exp: '2000' })],
  ['an exp beyond all dates', jwt({ exp: 1e300 })],
  ['dots and nonsense', 'a.%%%.c'],
])('%s has no expiry', (_, token) => {
  expect(summarize('acc_1', bearer(token)).expiresAt).toBeUndefined()
})

test('the expiry of a certificate is its notAfter', async () => {
  const notAfter = new Date('2031-02-03T04:05:06Z')
  const { certPem, keyPem } = await (await createAuthority('test')).issue({ commonName: 'ana', notAfter })
  const plain = { kind: 'client-certificate', certificate: certPem, key: keyPem } as const
  const summary = summarize('acc_1', plain)
  expect(summary).toMatchObject({ mode: 'client-certificate', expiresAt: notAfter.getTime() })
  expect(openAccount(summary, JSON.stringify(plain), 0)).toMatchObject({ plain, expiresAt: notAfter.getTime() })
  expect(() => openAccount(summary, JSON.stringify(plain), notAfter.getTime())).toThrow(
    expect.objectContaining({ code: 'credential_expired' }),
  )
})

test('an expired credential is refused before it is used, whatever the target says of its expiry', () => {
  const plain = bearer(jwt({ exp: 1000 }))
  const { expiresAt: _, ...account } = summarize('acc_1', plain)
  expect(() => openAccount(account, JSON.stringify(plain), 1_000_000)).toThrow(expect.objectContaining({ code: 'credential_expired' }))
})

test.each([
  ['no JSON', 'hunter2 is not JSON'],
  ['no credential', '{"kind":"password","password":"hunter2"}'],
  ['another credential', JSON.stringify(bearer('hunter2'))],
])('a record that holds %s is refused without its text', (_, plaintext) => {
  const refused = (): unknown => openAccount(summarize('acc_1', bearer('the-token')), plaintext, 0)
  expect(refused).toThrow(expect.objectContaining({ code: 'sealed_record', message: expect.not.stringContaining('hunter2') }))
})

test('a certificate that is none is refused with its field', () => {
  expect(() => summarize('acc_1', { kind: 'client-certificate', certificate: 'no', key: 'no' })).toThrow(/credential.certificate/)
})

test.each([
  ['a token with a line end', { kind: 'bearer', token: 'a\nb' }],
  ['an empty token', { kind: 'bearer', token: '' }],
  ['a certificate without its key', { kind: 'client-certificate', certificate: '-----BEGIN CERTIFICATE-----' }],
  ['a bootstrap identity without its account', { kind: 'token-request', token: 't', namespace: 'telpher' }],
  ['a namespace that leaves its path', { kind: 'token-request', token: 't', namespace: '../x', serviceAccount: 'deployer' }],
  ['another kind', { kind: 'exec', command: 'x' }],
])('%s is no credential', (_, value) => {
  expect(plainCredentialSchema.safeParse(value).success).toBe(false)
})

test('a bootstrap identity says of whom it mints, and an in-cluster account has nothing to hide', () => {
  const bootstrap = { kind: 'token-request', token: jwt({ exp: 2_000_000_000 }), namespace: 'telpher', serviceAccount: 'deployer' } as const
  expect(summarize('acc_1', bootstrap)).toMatchObject({ mode: 'token-request', deployer: 'telpher/deployer', expiresAt: 2_000_000_000_000 })
  expect(summarize('acc_1', { kind: 'in-cluster' })).toEqual({
    id: 'acc_1',
    mode: 'in-cluster',
    fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
  })
})
