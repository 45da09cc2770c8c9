import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../../src/cluster/connection.ts'
import { type PlainCredential, summarize } from '../../../src/credentials/account.ts'
import { createMinting } from '../../../src/credentials/grant.ts'
import { lifetimeOf } from '../../../src/credentials/modes/lifetime.ts'
import { seal } from '../../../src/credentials/seal.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { AttemptRef } from '../../../src/model/deployment.ts'
import { newId } from '../../../src/model/ids.ts'
import type { Minting } from '../../../src/model/ports.ts'
import type { Target } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { fetchAs, setUp } from '../../support/bootstrap.ts'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, faultProxy, type ProxyFault } from '../../support/faultproxy.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { seededRandom } from '../../support/random.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

/** Tokens of attempts, from a real API server behind a proxy by which its answers are lost, late, wrong, or of another time. */
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000)
const attemptsThroughFaults = Number(process.env['TOKEN_FAULTS'] ?? 12)

const key = { kid: 'test', key: randomBytes(32) }
let cluster: Cluster
let redis: OwnRedis
let store: Store
beforeAll(async () => {
  cluster = await sharedCluster('none')
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

type Choose = (method: string, path: string) => ProxyFault | undefined

interface Place {
  readonly proxy: FaultProxy
  readonly minting: Minting
  readonly target: Target
  /** The same target without the proxy. */
  readonly straight: Target
  secrets(): Promise<number>
}

const begin = async (choose: Choose, skewMs = 0): Promise<Place> => {
  const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
  const plain: PlainCredential = {
    kind: 'token-request',
    ...(await setUp(cluster, { target: home, home, namespaces: [namespace], clusterWide: false })),
  }
  const proxy = await faultProxy(cluster, choose, { skewMs })
  const id = newId('acc')
  const record = seal(key, { type: 'account', id, version: 1, plaintext: JSON.stringify(plain) })
  const straight = { name: home, server: cluster.server, ca: cluster.caPem, account: summarize(id, plain) } as Target
  return {
    proxy,
    straight,
    target: { ...straight, server: proxy.server, ca: proxy.ca },
    minting: createMinting({ readAccount: async () => record, records: store.grants, key, cluster: { connect }, installation: 'srv_test' }),
    async secrets() {
      const { body } = await cluster.api('GET', `/api/v1/namespaces/${home}/secrets`)
      return (JSON.parse(body) as { items: { type: string }[] }).items.filter(({ type }) => type === 'telpher.dev/attempt').length
    },
  }
}

const newAttempt = (): AttemptRef => ({ deploymentId: newId('dep'), jobId: newId('job'), attempt: 1 })
const credentialOf = (given: Awaited<ReturnType<Minting['grant']>>): Credential => {
  if (given === 'use-own') throw new Error('nothing was minted')
  return given.credential
}
const statusWith = async (credential: Credential): Promise<number> =>
  (await fetchAs(cluster, credential.kind === 'bearer' ? credential.token.reveal() : '', 'GET', '/version')).status

/** The fault meets the first request of each kind: the making of a Secret, the making of a token, its deletion, a list. Silence lasts 10 s: once. */
const firstOfEach = (fault: ProxyFault): Choose => {
  const met = new Set<string>()
  return (method, path) => {
    const kind = `${method} ${path.split('?')[0]?.split('/').slice(0, 6).join('/')} ${path.endsWith('/token')}`
    if (met.has(kind) || (fault === 'silent' && met.size > 0)) return undefined
    met.add(kind)
    return fault
  }
}

const lifetimeMs = lifetimeOf(600)

describe.concurrent('a token is minted, renewed, swept and ended', () => {
  test.each<ProxyFault>(['500', '503', '429', 'cut', 'lost', 'silent'])(
    'although the first request of each kind meets: %s',
    async (fault) => {
      const { proxy, minting, target, secrets } = await begin(firstOfEach(fault))
      const [attempt, over] = [newAttempt(), newAttempt()]
      const first = credentialOf(await minting.grant(target, attempt, lifetimeMs))
      const second = credentialOf(await minting.renew(target, attempt, lifetimeMs))
      expect([await statusWith(first), await statusWith(second), await secrets()]).toEqual([200, 200, 1])
      await minting.grant(target, over, lifetimeMs)
      expect(await minting.sweep(target, async ({ jobId }) => jobId === over.jobId)).toBe(1)
      expect(await secrets()).toBe(1)
      await minting.end(target, attempt)
      expect(await secrets()).toBe(0)
      expect(proxy.faulty()).toBe(fault === 'silent' ? 1 : 4)
      await eventually(async () => (await statusWith(first)) === 401 && (await statusWith(second)) === 401)
      proxy.stop()
    },
  )

  test.each([60_000, -60_000])('by an API server whose clock is %i ms off: its life is counted by ours', async (skewMs) => {
    const { proxy, minting, target, secrets } = await begin(() => undefined, skewMs)
    const attempt = newAttempt()
    const { expiresAt = 0 } = credentialOf(await minting.grant(target, attempt, lifetimeMs))
    expect(Math.abs(expiresAt - Date.now() - lifetimeMs)).toBeLessThan(30_000)
    await minting.end(target, attempt)
    expect(await secrets()).toBe(0)
    proxy.stop()
  })
})

describe.concurrent('nothing is given, and nothing is left', () => {
  test.each<readonly [ProxyFault, RegExp, string]>([
    ['401', /\/secrets$/, 'target_unauthorized'],
    ['401', /\/token$/, 'target_unauthorized'],
    ['redirect', /\/secrets$/, 'target_not_kubernetes'],
    ['redirect', /\/token$/, 'target_not_kubernetes'],
  ])('where %s answers to what ends with %s', async (fault, what, code) => {
    const { proxy, minting, target, secrets } = await begin((method, path) => (method === 'POST' && what.test(path) ? fault : undefined))
    const attempt = newAttempt()
    await expect(minting.grant(target, attempt, lifetimeMs)).rejects.toMatchObject({ code })
    expect([await secrets(), await store.grants.get(attempt), proxy.elsewhere]).toEqual([0, undefined, []])
    proxy.stop()
  })

  test('where its Secret cannot be deleted: the sweep does it when it can', async () => {
    let isBroken = true
    const { proxy, minting, target, secrets } = await begin((method) => (isBroken && method === 'DELETE' ? '401' : undefined))
    const attempt = newAttempt()
    const credential = credentialOf(await minting.grant(target, attempt, lifetimeMs))
    await expect(minting.end(target, attempt)).rejects.toMatchObject({ code: 'target_unauthorized' })
    await expect(minting.sweep(target, async () => true)).rejects.toMatchObject({ code: 'target_unauthorized' })
    expect(await secrets()).toBe(1)
    isBroken = false
    expect(await minting.sweep(target, async () => true)).toBe(1)
    await eventually(async () => (await secrets()) === 0 && (await statusWith(credential)) === 401)
    proxy.stop()
  })
})

test.concurrent(`every fifth request meets a fault: each of ${attemptsThroughFaults} attempts has a token or an error, and two sweeps leave nothing`, {
  timeout: 3_600_000,
}, async () => {
  const random = seededRandom(seed)
  const faults: readonly ProxyFault[] = ['500', '503', '429', '401', 'redirect', 'cut', 'lost', 'silent']
  const place = await begin(() => (random() < 0.2 ? faults[Math.floor(random() * faults.length)] : undefined), 60_000)
  const { proxy, minting, target, straight, secrets } = place
  const given: Credential[] = []
  const codes: string[] = []
  const failed = (thrown: unknown): void => void codes.push((thrown as { code?: string }).code ?? String(thrown))
  const one = async (): Promise<void> => {
    const attempt = newAttempt()
    try {
      given.push(credentialOf(await minting.grant(target, attempt, lifetimeMs)))
      given.push(credentialOf(await minting.renew(target, attempt, lifetimeMs)))
    } catch (thrown) {
      failed(thrown)
    }
    await minting.end(target, attempt).catch(failed)
  }
  for (let begun = 0; begun < attemptsThroughFaults; begun += 12)
    await Promise.all(Array.from({ length: Math.min(12, attemptsThroughFaults - begun) }, one))
  const known = ['target_unauthorized', 'target_not_kubernetes', 'target_error', 'target_timeout', 'target_unreachable']
  expect(
    codes.filter((code) => !known.includes(code)),
    `SOAK_SEED=${seed}`,
  ).toEqual([])
  expect([proxy.faulty() > 0, given.length > 0, proxy.elsewhere]).toEqual([true, true, []])
  for (let sweeps = 0; sweeps < 2; sweeps++) await minting.sweep(straight, async () => true)
  expect(await secrets(), `SOAK_SEED=${seed}`).toBe(0)
  await eventually(async () => (await Promise.all(given.map(statusWith))).every((status) => status === 401))
  proxy.stop()
})
