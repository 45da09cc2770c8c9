import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { SealedRecord } from '../model/credential.ts'
import type { AccountSummary, Target } from '../model/target.ts'
import { createAuthority } from '../sandbox/kubernetes/pki.ts'
import { credentialOf, type PlainCredential, plainCredentialSchema, summarize } from './account.ts'
import { localGrants } from './broker.ts'
import { seal } from './seal.ts'

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
const bearer = (token: string): PlainCredential => ({ kind: 'bearer', token })
const attempt = { deploymentId: 'dep', jobId: 'job', attempt: 1 }

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
  expect(credentialOf(summary, JSON.stringify(plain), 0)).toMatchObject({ kind: 'client-certificate', certificate: certPem })
  expect(() => credentialOf(summary, JSON.stringify(plain), notAfter.getTime())).toThrow(
    expect.objectContaining({ code: 'credential_expired' }),
  )
})

test('an expired credential is refused before it is used, whatever the target says of its expiry', () => {
  const plain = bearer(jwt({ exp: 1000 }))
  const { expiresAt: _, ...account } = summarize('acc_1', plain)
  expect(() => credentialOf(account, JSON.stringify(plain), 1_000_000)).toThrow(expect.objectContaining({ code: 'credential_expired' }))
})

test.each([
  ['no JSON', 'hunter2 is not JSON'],
  ['no credential', '{"kind":"password","password":"hunter2"}'],
  ['another credential', JSON.stringify(bearer('hunter2'))],
])('a record that holds %s is refused without its text', (_, plaintext) => {
  const refused = (): unknown => credentialOf(summarize('acc_1', bearer('the-token')), plaintext, 0)
  expect(refused).toThrow(expect.objectContaining({ code: 'sealed_record', message: expect.not.stringContaining('hunter2') }))
})

test('a certificate that is none is refused with its field', () => {
  expect(() => summarize('acc_1', { kind: 'client-certificate', certificate: 'no', key: 'no' })).toThrow(/credential.certificate/)
})

test.each([
  ['a token with a line end', { kind: 'bearer', token: 'a\nb' }],
  ['an empty token', { kind: 'bearer', token: '' }],
  ['a certificate without its key', { kind: 'client-certificate', certificate: '-----BEGIN CERTIFICATE-----' }],
  ['another kind', { kind: 'exec', command: 'x' }],
])('%s is no credential', (_, value) => {
  expect(plainCredentialSchema.safeParse(value).success).toBe(false)
})

const stored = (key: { kid: string; key: Buffer }, id: string, token: string): { account: AccountSummary; sealed: SealedRecord } => ({
  account: summarize(id, bearer(token)),
  sealed: seal(key, { type: 'account', id, version: 1, plaintext: JSON.stringify(bearer(token)) }),
})

test('the broker opens the account of the target, and what it grants prints as asterisks', async () => {
  const key = { kid: 'k1', key: randomBytes(32) }
  const { account, sealed } = stored(key, 'acc_1', 'the-token')
  const granted = await localGrants({ openAccount: async () => sealed, key }).grant({ account } as Target, attempt)
  expect(granted.kind === 'bearer' && granted.token.reveal()).toBe('the-token')
  expect(JSON.stringify(granted)).not.toContain('the-token')
})

test('the record of another account in its place is refused', async () => {
  const key = { kid: 'k1', key: randomBytes(32) }
  const [mine, other] = [stored(key, 'acc_1', 'mine'), stored(key, 'acc_2', 'other')]
  const swapped = localGrants({ openAccount: async () => other.sealed, key })
  await expect(swapped.grant({ account: mine.account } as Target, attempt)).rejects.toMatchObject({ code: 'sealed_record' })
  const renamed = localGrants({ openAccount: async () => ({ ...other.sealed, id: 'acc_1' }), key })
  await expect(renamed.grant({ account: mine.account } as Target, attempt)).rejects.toMatchObject({ code: 'sealed_record' })
})
