import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Target } from '../model/target.ts'
import { credentialOf, summarize } from './account.ts'
import { localGrants } from './broker.ts'
import { seal } from './seal.ts'

const jwt = (exp: number): string => `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`

test('a summary shows a fingerprint and the expiry, never the credential', () => {
  const token = jwt(2_000_000_000)
  const summary = summarize('acc_1', { kind: 'bearer', token })
  expect(summary).toMatchObject({ id: 'acc_1', mode: 'static-token', expiresAt: 2_000_000_000_000 })
  expect(JSON.stringify(summary)).not.toContain(token)
  expect(summarize('acc_1', { kind: 'bearer', token: 'opaque' }).expiresAt).toBeUndefined()
})

test('an expired credential is refused before it is used', () => {
  const account = summarize('acc_1', { kind: 'bearer', token: jwt(1000) })
  expect(() => credentialOf(account, '{}', 1_000_000)).toThrow(expect.objectContaining({ code: 'credential_expired' }))
})

test('the broker opens the account of the target, and what it grants prints as asterisks', async () => {
  const key = { kid: 'k1', key: randomBytes(32) }
  const account = summarize('acc_1', { kind: 'bearer', token: 'the-token' })
  const sealed = seal(key, { type: 'account', id: 'acc_1', version: 1, plaintext: JSON.stringify({ kind: 'bearer', token: 'the-token' }) })
  const grants = localGrants({ openAccount: async () => sealed, key })
  const granted = await grants.grant({ account } as Target, { deploymentId: 'dep', jobId: 'job', attempt: 1 })
  expect(granted.kind === 'bearer' && granted.token.reveal()).toBe('the-token')
  expect(JSON.stringify(granted)).not.toContain('the-token')
})

test('a certificate that is none is refused with its field', () => {
  expect(() => summarize('acc_1', { kind: 'client-certificate', certificate: 'no', key: 'no' })).toThrow(/credential.certificate/)
})
