import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/cluster/connection.ts'
import { type PlainCredential, summarize } from '../../src/credentials/account.ts'
import { createMinting } from '../../src/credentials/grant.ts'
import { seal } from '../../src/credentials/seal.ts'
import type { SealedRecord } from '../../src/model/credential.ts'
import type { AttemptRef } from '../../src/model/deployment.ts'
import { newId } from '../../src/model/ids.ts'
import type { GrantRecords, Minting } from '../../src/model/ports.ts'
import type { Target } from '../../src/model/target.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { setUp } from '../support/bootstrap.ts'
import { eventually } from '../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'
import { newAttempt, statusWith } from './modes.ts'

const key = { kid: 'test', key: randomBytes(32) }

const keptRecords = (): GrantRecords => {
  const kept = new Map<string, SealedRecord>()
  const name = ({ jobId, attempt }: AttemptRef): string => `${jobId}/${attempt}`
  return {
    put: async (attempt, record) => void kept.set(name(attempt), record),
    get: async (attempt) => kept.get(name(attempt)),
    remove: async (attempt) => void kept.delete(name(attempt)),
  }
}

let cluster: Cluster
let target: Target
/** Two of them, as two servers have them: what one mints the other renews, fences and sweeps. */
let mine: Minting
let other: Minting
beforeAll(async () => {
  cluster = await sharedCluster('none')
  const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
  const plain: PlainCredential = {
    kind: 'token-request',
    ...(await setUp(cluster, { target: home, home, namespaces: [namespace], clusterWide: false })),
  }
  const id = newId('acc')
  const sealed = seal(key, { type: 'account', id, version: 1, plaintext: JSON.stringify(plain) })
  target = { name: home, server: cluster.server, ca: cluster.caPem, account: summarize(id, plain) } as Target
  const shared = { readAccount: async () => sealed, records: keptRecords(), key, cluster: { connect }, installation: newId('srv') }
  mine = createMinting(shared)
  other = createMinting(shared)
})

const grant = async (attempt: AttemptRef) => {
  const granted = await mine.grant(target, attempt, 600_000)
  if (granted === 'use-own') throw new Error('nothing was minted')
  expect(await statusWith(cluster, granted.credential)).toBe(200)
  return granted
}

describe.concurrent('what one server minted, another', () => {
  test('gives again to who repeats the request, and renews on the same Secret', async () => {
    const attempt = newAttempt()
    const granted = await grant(attempt)
    expect(await other.grant(target, attempt, 600_000)).toMatchObject({ credential: { id: granted.credential.id } })
    const renewed = await other.renew(target, attempt, 600_000)
    if (renewed === 'use-own') throw new Error('nothing was minted')
    expect(renewed.credential.id).not.toBe(granted.credential.id)
    for (const { credential } of [granted, renewed]) expect(await statusWith(cluster, credential)).toBe(200)
    await mine.end(target, attempt)
    await expect(other.renew(target, attempt, 600_000)).rejects.toMatchObject({ code: 'grant_revoked' })
  })

  test('fences: that is done only when the API server refuses it', async () => {
    const attempt = newAttempt()
    const granted = await grant(attempt)
    const begun = performance.now()
    await other.fence(target, attempt)
    expect(performance.now() - begun).toBeLessThan(15_000)
    expect(await statusWith(cluster, granted.credential)).toBe(401)
    await expect(mine.renew(target, attempt, 600_000)).rejects.toMatchObject({ code: 'grant_revoked' })
  })

  test('sweeps, when its attempt is over', async () => {
    const [over, running] = [newAttempt(1), newAttempt(2)]
    const [dead, alive] = [await grant(over), await grant(running)]
    expect(await other.sweep(target, async ({ jobId }) => jobId === over.jobId)).toBe(1)
    await eventually(async () => (await statusWith(cluster, dead.credential)) === 401)
    expect(await statusWith(cluster, alive.credential)).toBe(200)
    await mine.end(target, running)
  })

  test('leaves alone while nobody knows its job, for five minutes', async () => {
    const attempt = newAttempt()
    const granted = await grant(attempt)
    expect(await other.sweep(target, async () => 'unknown')).toBe(0)
    expect(await statusWith(cluster, granted.credential)).toBe(200)
    await mine.end(target, attempt)
  })
})
