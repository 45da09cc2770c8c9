import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Credential, SealedRecord } from '../model/credential.ts'
import type { AttemptRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { Cluster, ClusterRequest, Given, GrantRecords } from '../model/ports.ts'
import type { AccountSummary, Target } from '../model/target.ts'
import { type PlainCredential, summarize } from './account.ts'
import { createMinting } from './grant.ts'
import { seal } from './seal.ts'

const key = { kid: 'k1', key: randomBytes(32) }
const attempt: AttemptRef = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 1 }

const stored = (id: string, plain: PlainCredential): { account: AccountSummary; sealed: SealedRecord } => ({
  account: summarize(id, plain),
  sealed: seal(key, { type: 'account', id, version: 1, plaintext: JSON.stringify(plain) }),
})

const keptRecords = (): GrantRecords & { readonly kept: Map<string, { record: SealedRecord; lifeMs: number }> } => {
  const kept = new Map<string, { record: SealedRecord; lifeMs: number }>()
  const name = (ref: AttemptRef): string => `${ref.jobId}/${ref.attempt}`
  return {
    kept,
    put: async (ref, record, lifeMs) => void kept.set(name(ref), { record, lifeMs }),
    get: async (ref) => kept.get(name(ref))?.record,
    remove: async (ref) => void kept.delete(name(ref)),
  }
}

/** An API server with just Secrets and tokens. Knob: `refuseAfter` is how many questions a dead token is still taken for. */
const standIn = (
  refuseAfter = 0,
): { cluster: Cluster; secrets: Map<string, { uid: string; labels: Record<string, string> }>; asked: string[] } => {
  const secrets = new Map<string, { uid: string; labels: Record<string, string> }>()
  const asked: string[] = []
  let made = 0
  let left = refuseAfter
  const tokens = new Map<string, string>()
  const isAlive = (token: string): boolean => [...secrets.values()].some(({ uid }) => uid === tokens.get(token))
  const answer = (credential: Credential, { method, path, body }: ClusterRequest): readonly [number, object] => {
    asked.push(`${method} ${path.split('?')[0]}`)
    const token = credential.kind === 'bearer' ? credential.token.reveal() : ''
    if (path === '/version') return isAlive(token) || left-- > 0 ? [200, { gitVersion: 'v1' }] : [401, { kind: 'Status', apiVersion: 'v1' }]
    const status = { kind: 'Status', apiVersion: 'v1' }
    if (path.endsWith('/token')) {
      const { uid } = (JSON.parse(String(body)) as { spec: { boundObjectRef: { uid: string } } }).spec.boundObjectRef
      const minted = `minted-${++made}`
      tokens.set(minted, uid)
      return [201, { ...status, status: { token: minted, expirationTimestamp: new Date(Date.now() + 600_000).toISOString() } }]
    }
    if (method === 'POST') {
      const { metadata } = JSON.parse(String(body)) as { metadata: { name: string; labels: Record<string, string> } }
      secrets.set(metadata.name, { uid: `uid-${++made}`, labels: metadata.labels })
      return [201, { ...status, metadata: { uid: `uid-${made}` } }]
    }
    if (method === 'DELETE') return [secrets.delete(path.split('/').at(-1) ?? '') ? 200 : 404, status]
    const items = [...secrets].map(([name, { uid, labels }]) => ({
      metadata: { name, uid, labels, creationTimestamp: new Date().toISOString() },
    }))
    return [200, { ...status, items }]
  }
  const cluster: Cluster = {
    connect: (_, credential) => ({
      credentialId: credential.id,
      request: async (request) => {
        const [status, body] = answer(credential, request)
        const headers = { 'content-type': 'application/json', date: new Date().toUTCString() }
        return { status, headers, rawHeaders: [], body: Readable.from([Buffer.from(JSON.stringify(body))]) }
      },
      upgrade: () => Promise.reject(new Error('not here')),
      close() {},
    }),
  }
  return { cluster, secrets, asked }
}

const bootstrap: PlainCredential = { kind: 'token-request', token: 'bootstrap', namespace: 'telpher', serviceAccount: 'deployer' }

const brokerOf = (plain: PlainCredential, refuseAfter?: number) => {
  const { account, sealed } = stored('acc_1', plain)
  const api = standIn(refuseAfter)
  const records = keptRecords()
  const grants = createMinting({
    readAccount: async () => sealed,
    records,
    key,
    cluster: api.cluster,
    installation: 'srv_1',
    fenceTimes: { askMs: 1, patienceMs: 100, blindMs: 1 },
  })
  return { ...api, records, grants, target: { name: 't', server: 'https://k', account } as Target }
}
/** What was minted: nothing here is a worker's own. */
const minted = async (given: Promise<Given>): Promise<Exclude<Given, 'use-own'>> => {
  const what = await given
  if (what === 'use-own') throw new Error('nothing was minted')
  return what
}
const tokenOf = (credential: Credential): string => (credential.kind === 'bearer' ? credential.token.reveal() : '')

test('a static token is granted as it is, prints as asterisks, and nothing of it is noted', async () => {
  const { grants, target, records, asked } = brokerOf({ kind: 'bearer', token: 'the-token' })
  const grant = await minted(grants.grant(target, attempt, 600_000))
  expect(tokenOf(grant.credential)).toBe('the-token')
  expect(JSON.stringify(grant)).not.toContain('the-token')
  await grants.end(target, attempt)
  await grants.fence(target, attempt)
  expect(await grants.sweep(target, async () => true)).toBe(0)
  expect([grant.renewable, records.kept.size, asked]).toEqual([false, 0, []])
})

test('the record of another account in its place is refused', async () => {
  const [mine, other] = [stored('acc_1', { kind: 'bearer', token: 'mine' }), stored('acc_2', { kind: 'bearer', token: 'other' })]
  const { cluster } = standIn()
  const grantsOf = (sealed: SealedRecord) =>
    createMinting({ readAccount: async () => sealed, records: keptRecords(), key, cluster, installation: 'srv_1' })
  const target = { account: mine.account, server: 'https://k' } as Target
  for (const sealed of [other.sealed, { ...other.sealed, id: 'acc_1' }])
    await expect(grantsOf(sealed).grant(target, attempt, 600_000)).rejects.toMatchObject({ code: 'sealed_record' })
})

test('what is minted is noted sealed, for as long as it lives and a minute', async () => {
  const { grants, target, records } = brokerOf(bootstrap)
  const grant = await minted(grants.grant(target, attempt, 600_000))
  const [noted] = [...records.kept.values()]
  expect(noted?.lifeMs).toBeGreaterThan(650_000)
  expect(noted?.lifeMs).toBeLessThan(661_000)
  expect(JSON.stringify(noted)).not.toContain(tokenOf(grant.credential))
})

test('an end revokes, forgets the note, and is idempotent', async () => {
  const { grants, target, records, secrets } = brokerOf(bootstrap)
  await grants.grant(target, attempt, 600_000)
  expect(secrets.size).toBe(1)
  await grants.end(target, attempt)
  await grants.end(target, attempt)
  expect([secrets.size, records.kept.size]).toEqual([0, 0])
})

test('a renewal after the end is refused, and leaves nothing', async () => {
  const { grants, target, records, secrets } = brokerOf(bootstrap)
  await grants.grant(target, attempt, 600_000)
  await grants.end(target, attempt)
  await expect(grants.renew(target, attempt, 600_000)).rejects.toMatchObject({ code: 'grant_revoked' })
  expect([secrets.size, records.kept.size]).toEqual([0, 0])
})

test('a request that is repeated gets what it had, and a renewal another token of the same Secret', async () => {
  const { grants, target, secrets, asked } = brokerOf(bootstrap)
  const first = await minted(grants.grant(target, attempt, 600_000))
  const [{ uid } = { uid: '' }] = [...secrets.values()]
  asked.length = 0
  expect(tokenOf((await minted(grants.grant(target, attempt, 600_000))).credential)).toBe(tokenOf(first.credential))
  expect(asked).toEqual([])
  expect(tokenOf((await minted(grants.renew(target, attempt, 600_000))).credential)).not.toBe(tokenOf(first.credential))
  expect([...secrets.values()].map((secret) => secret.uid)).toEqual([uid])
})

test('in-cluster nothing is opened: the worker has a token of its own', async () => {
  const { grants, target } = brokerOf({ kind: 'in-cluster' })
  expect(await grants.grant(target, attempt, 600_000)).toBe('use-own')
  expect(await grants.renew(target, attempt, 600_000)).toBe('use-own')
})

test('a fence waits until both tokens of a renewed attempt are refused', async () => {
  const { grants, target, records, secrets, asked } = brokerOf(bootstrap, 6)
  await grants.grant(target, attempt, 600_000)
  await grants.renew(target, attempt, 600_000)
  asked.length = 0
  await grants.fence(target, attempt)
  expect([secrets.size, records.kept.size]).toEqual([0, 0])
  expect(asked[0]).toMatch(/^DELETE /)
  expect(asked.filter((line) => line === 'GET /version')).toHaveLength(8)
})

test('a fence that is not proven says so, and keeps the note for the next', async () => {
  const { grants, target, records } = brokerOf(bootstrap, Number.POSITIVE_INFINITY)
  await grants.grant(target, attempt, 600_000)
  await expect(grants.fence(target, attempt)).rejects.toMatchObject({ code: 'fence_unproven' })
  expect(records.kept.size).toBe(1)
})

test('an attempt of which no token is known is fenced by its Secret and time', async () => {
  const { grants, target, records, secrets, asked } = brokerOf(bootstrap)
  await grants.grant(target, attempt, 600_000)
  records.kept.clear()
  asked.length = 0
  await grants.fence(target, attempt)
  expect([secrets.size, asked]).toEqual([0, [expect.stringMatching(/^DELETE /)]])
})

test('a sweep revokes what is over, and leaves what runs and what is not known yet', async () => {
  const { grants, target, secrets } = brokerOf(bootstrap)
  const attempts = [1, 2, 3].map((number) => ({ ...attempt, attempt: number }))
  for (const one of attempts) await grants.grant(target, one, 600_000)
  const verdicts = [true, false, 'unknown'] as const
  expect(await grants.sweep(target, async ({ attempt: number }) => verdicts[number - 1] ?? 'unknown')).toBe(1)
  expect([...secrets.keys()].map((name) => name.at(-1))).toEqual(['2', '3'])
})

test('what runs goes on with the version that its account was rotated to, on the same Secret', async () => {
  const next: PlainCredential = { ...(bootstrap as Extract<PlainCredential, { kind: 'token-request' }>), token: 'bootstrap-2' }
  const [first, second] = [
    stored('acc_1', bootstrap),
    seal(key, { type: 'account', id: 'acc_1', version: 2, plaintext: JSON.stringify(next) }),
  ]
  let record = first.sealed
  const { cluster, secrets } = standIn()
  const dead = new Set<string>()
  const connect: Cluster['connect'] = (target, credential) => {
    const connection = cluster.connect(target, credential)
    const isDead = (): boolean => credential.kind === 'bearer' && dead.has(credential.token.reveal())
    const refused = { status: 401, headers: { 'content-type': 'application/json' }, rawHeaders: [] }
    const body = () => Readable.from([Buffer.from(JSON.stringify({ kind: 'Status', apiVersion: 'v1' }))])
    return { ...connection, request: async (asked) => (isDead() ? { ...refused, body: body() } : connection.request(asked)) }
  }
  let isAway = false
  const readAccount = async (): Promise<SealedRecord> => {
    if (isAway) throw new TelpherError('redis_unreachable', 'away')
    return record
  }
  const grants = createMinting({ readAccount, records: keptRecords(), key, cluster: { connect }, installation: 'srv_1' })
  const target = { name: 't', server: 'https://k', account: first.account } as Target
  await grants.grant(target, attempt, 600_000)
  const [[, before] = []] = [...secrets]
  record = second
  dead.add('bootstrap')
  await grants.renew(target, attempt, 600_000)
  expect([...secrets.values()]).toEqual([before])
  // While Redis is away it goes on with what it has.
  isAway = true
  await grants.renew(target, attempt, 600_000)
  isAway = false
  await grants.end(target, attempt)
  expect(secrets.size).toBe(0)
  // One of the same number that is another credential was never rotated to.
  record = { ...seal(key, { type: 'account', id: 'acc_1', version: 1, plaintext: JSON.stringify(next) }) }
  await expect(grants.grant(target, attempt, 600_000)).rejects.toMatchObject({ code: 'sealed_record' })
})
