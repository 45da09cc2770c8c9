import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLog } from '../src/log.ts'
import type { Credential } from '../src/model/credential.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Cluster, Grant } from '../src/model/ports.ts'
import { Secret } from '../src/model/secret.ts'
import type { Target } from '../src/model/target.ts'
import { type Access, openAccess } from './access.ts'

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

const attempt = { deploymentId: 'dep', jobId: 'job', attempt: 1 }
const tokenNumbered = (number: number, expiresAt: number | undefined): Credential => ({
  id: `cred-${number}`,
  kind: 'bearer',
  token: new Secret(`token-${number}`),
  ...(expiresAt === undefined ? {} : { expiresAt }),
})

/** Knobs: how an end or a renewal goes wrong. */
const open = async (knobs: { renewable?: boolean; renew?: () => Promise<Credential>; end?: () => Promise<void> } = {}) => {
  let count = 1
  const said = { secrets: [] as string[], revoked: 0, ended: 0, sentWith: [] as string[] }
  const grant: Grant = {
    credential: tokenNumbered(1, knobs.renewable === false ? undefined : 600_000),
    renewable: knobs.renewable ?? true,
    renew: knobs.renew ?? (async () => tokenNumbered(++count, Date.now() + 600_000)),
    end: async () => {
      said.ended++
      await knobs.end?.()
    },
  }
  const cluster: Cluster = {
    connect: (_, { id }) => ({
      credentialId: id,
      async request() {
        said.sentWith.push(id)
        return { status: 200, headers: {}, rawHeaders: [], body: Readable.from([]) }
      },
      upgrade: () => Promise.reject(new Error('not here')),
      close() {},
    }),
  }
  const access: Access = await openAccess({
    grants: { grant: async () => grant },
    cluster,
    target: { name: 't' } as Target,
    attempt,
    lifetimeMs: 600_000,
    onSecret: (secret) => void said.secrets.push(secret.reveal()),
    onRevoked: () => void said.revoked++,
    log: createLog('error'),
  })
  return { access, said }
}

test('one connection goes with the credential of its time, and every secret is told before it is used', async () => {
  const { access, said } = await open()
  await access.connection.request({ method: 'GET', path: '/' })
  await vi.advanceTimersByTimeAsync(300_000)
  await access.connection.request({ method: 'GET', path: '/' })
  await access.renew?.()
  await access.connection.request({ method: 'GET', path: '/' })
  expect(said).toMatchObject({ sentWith: ['cred-1', 'cred-2', 'cred-3'], secrets: ['token-1', 'token-2', 'token-3'] })
  expect([access.connection.credentialId, access.current().credentialId]).toEqual(['cred-3', 'cred-3'])
})

test('an end revokes once and renews no more', async () => {
  const { access, said } = await open()
  await access.end()
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(said).toMatchObject({ ended: 1, secrets: ['token-1'] })
})

test.each<readonly [string, () => Promise<void>]>([
  ['fails', () => Promise.reject(new TelpherError('target_unreachable', 'away'))],
  ['never comes back', () => new Promise(() => {})],
])('an end that %s keeps nobody for long: the sweep does it', async (_, end) => {
  const { access } = await open({ end })
  let over = false
  void access.end().then(() => {
    over = true
  })
  await vi.advanceTimersByTimeAsync(5000)
  expect(over).toBe(true)
})

test('a credential that somebody else revoked is the end of the attempt', async () => {
  const { access, said } = await open({ renew: () => Promise.reject(new TelpherError('grant_revoked', 'revoked')) })
  await expect(access.renew?.()).rejects.toMatchObject({ code: 'grant_revoked' })
  expect(said.revoked).toBe(1)
})

test('a renewal that fails otherwise is not', async () => {
  const { said } = await open({ renew: () => Promise.reject(new TelpherError('target_unreachable', 'away')) })
  await vi.advanceTimersByTimeAsync(330_000)
  expect(said).toMatchObject({ revoked: 0, secrets: ['token-1'] })
})

test('where there is one credential only nothing is renewed', async () => {
  const { access, said } = await open({ renewable: false })
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect([access.renew, said.secrets]).toEqual([undefined, ['token-1']])
})
