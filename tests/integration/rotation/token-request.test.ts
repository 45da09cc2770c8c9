import { expect, test } from 'vitest'
import { claimsOf } from '../../../src/credentials/jwt.ts'
import type { AuditEntry } from '../../../src/model/audit.ts'
import { TelpherError } from '../../../src/model/errors.ts'
import { openStore } from '../../../src/store/index.ts'
import { fetchAs } from '../../support/bootstrap.ts'
import { eventually } from '../../support/eventually.ts'
import { asked, journalOf, ownSecretsIn, rotating, statusOf, usedToken } from '../../support/rotating.ts'
import { rotationScene } from '../../support/rotation-scene.ts'

const scene = rotationScene()
/** What should not rotate by itself in a test does so when it is asked to. */
const { key, begin } = scene

test.concurrent('a rotation ends with a new token of a week, bound to a Secret of its own, and the old one refused', async () => {
  const { cluster, store } = scene
  const { name, home } = await begin()
  const loop = rotating(store, key, { only: [name] })
  const old = await usedToken(store, name, key)
  expect(await statusOf(cluster, old)).toBe(200)
  const answer = await asked(store, name, { kind: 'rotate' })
  expect(answer).toMatchObject({ ok: true, sentence: 'version 2 is used, and the one before it is refused' })
  const used = await usedToken(store, name, key)
  expect([await statusOf(cluster, old), await statusOf(cluster, used)]).toEqual([401, 200])
  const claims = claimsOf(used)
  expect(claims).toMatchObject({ subject: `system:serviceaccount:${home}:bootstrap-${name}`, secret: { name: `bootstrap-${name}.v2` } })
  expect((claims.expiresAt ?? 0) - (claims.issuedAt ?? 0)).toBe(7 * 86_400_000)
  expect((await store.targets.get(name)).account).toMatchObject({ version: 2, expiresAt: claims.expiresAt })
  expect(await ownSecretsIn(cluster, { target: name, home })).toEqual([`bootstrap-${name}.v2`])
  expect(await journalOf(store, name)).toMatchObject({ state: 'stable', version: 2, kept: [], unconfirmed: [] })
  await loop.stop()
})

test.concurrent('accounts that are due rotate by themselves, and two servers at once rotate one once', async () => {
  const { redis, store } = scene
  const { name } = await begin({ changes: { rotateSeconds: 3, createdAt: Date.now() - 60_000 } })
  const other = await openStore({ url: redis.url })
  const loops = [rotating(store, key, { only: [name] }), rotating(other, key, { only: [name] })]
  await eventually(async () => ((await journalOf(store, name))?.version ?? 1) >= 3, 90_000)
  await Promise.all(loops.map((loop) => loop.stop()))
  const begun = loops.flatMap(({ lines }) => lines).filter((line) => 'event' in line && line.event === 'begin')
  expect(begun.length).toBe((await journalOf(store, name))?.last === undefined ? 0 : ((await journalOf(store, name))?.last ?? 1) - 1)
  await other.close()
  await store.targets.remove(name)
})

test.concurrent('what a server that died did not tell the record, the next one does, in order', async () => {
  const { store } = scene
  const { name } = await begin()
  // It cannot write into the record at all: each transition that it makes is the next one's to tell.
  const mute = rotating(store, key, { only: [name], record: () => Promise.reject(new TelpherError('redis_full', 'Redis is full')) })
  await store.rotations.ask(name, { id: 'rot_1', kind: 'rotate' })
  await eventually(async () => ((await journalOf(store, name))?.untold?.length ?? 0) > 0)
  await mute.stop()
  const told: AuditEntry[] = []
  const loop = rotating(store, key, { only: [name], record: async (entry) => void told.push(entry) })
  await eventually(async () => {
    const journal = await journalOf(store, name)
    return journal?.state === 'stable' && journal.version === 2 && journal.untold === undefined
  }, 60_000)
  const actions = told.map((entry) => (entry.type === 'rotation' ? entry.action : entry.type))
  expect(actions).toEqual(['begin', 'mint', 'seal', 'verify', 'switch', 'revoke', 'confirm', 'end'])
  await loop.stop()
})

test.concurrent('what is kept of an account goes with its target', async () => {
  const { redis, store } = scene
  const { name, target } = await begin()
  const loop = rotating(store, key, { only: [name], times: { drainMs: 600_000 } })
  await store.rotations.ask(name, { id: 'rot_1', kind: 'rotate' })
  await eventually(async () => (await journalOf(store, name))?.state === 'draining')
  expect((await redis.ask('HKEYS', 'tel:{targets}:accounts')).filter((field) => field.startsWith(target.account.id))).toHaveLength(2)
  await store.targets.remove(name)
  expect((await redis.ask('HKEYS', 'tel:{targets}:accounts')).filter((field) => field.startsWith(target.account.id))).toEqual([])
  expect(await store.rotations.read(target)).toBeUndefined()
  await loop.stop()
})

test.concurrent('until the old one is revoked, a rollback is one step, and the new one is refused after it', async () => {
  const { cluster, store } = scene
  const { name, home } = await begin()
  const loop = rotating(store, key, { only: [name], times: { drainMs: 600_000 } })
  const old = await usedToken(store, name, key)
  await store.rotations.ask(name, { id: 'rot_1', kind: 'rotate' })
  await eventually(async () => (await journalOf(store, name))?.state === 'draining')
  const bad = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'rollback' })).toMatchObject({ ok: true, sentence: 'version 1 is used again' })
  expect(await usedToken(store, name, key)).toBe(old)
  await eventually(async () => (await journalOf(store, name))?.unconfirmed.length === 0)
  expect([await statusOf(cluster, old), await statusOf(cluster, bad)]).toEqual([200, 401])
  expect(await ownSecretsIn(cluster, { target: name, home })).toEqual([`bootstrap-${name}`])
  expect(await asked(store, name, { kind: 'rollback' })).toMatchObject({ ok: false, code: 'rotation_too_late' })
  await loop.stop()
})

test.concurrent('in wrong hands, the old one goes at once, and with it what a thief minted', async () => {
  const { cluster, store } = scene
  const { name, home } = await begin()
  const stolen = await usedToken(store, name, key)
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'telpher.dev/bootstrap',
    metadata: { name: `bootstrap-${name}.v99`, labels: { 'telpher.dev/target': name } },
  }
  expect((await fetchAs(cluster, stolen, 'POST', `/api/v1/namespaces/${home}/secrets`, secret)).status).toBe(201)
  const asks = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 604_800, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: `bootstrap-${name}.v99` } },
  }
  const minted = await fetchAs(cluster, stolen, 'POST', `/api/v1/namespaces/${home}/serviceaccounts/bootstrap-${name}/token`, asks)
  const { token } = (JSON.parse(minted.body) as { status: { token: string } }).status
  expect(await statusOf(cluster, token)).toBe(200)
  const loop = rotating(store, key, { only: [name], times: { drainMs: 600_000 } })
  const begunAt = performance.now()
  expect(await asked(store, name, { kind: 'revoke' })).toMatchObject({ ok: true })
  expect(performance.now() - begunAt).toBeLessThan(30_000)
  await eventually(async () => (await statusOf(cluster, token)) === 401)
  expect(await statusOf(cluster, stolen)).toBe(401)
  expect(await ownSecretsIn(cluster, { target: name, home })).toEqual([`bootstrap-${name}.v2`])
  await loop.stop()
})

test.concurrent('a set-up without the right to renew itself keeps its token, and says what gives it the right', async () => {
  const { cluster, store } = scene
  const { name, home } = await begin()
  const rules = [
    { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [`deployer-${name}`], verbs: ['create'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'list'] },
  ]
  await cluster.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: `bootstrap-${name}`, namespace: home },
    rules,
  })
  const loop = rotating(store, key, { only: [name] })
  const old = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'rotate' })).toMatchObject({ ok: false, code: 'rotation_mint' })
  expect(await usedToken(store, name, key)).toBe(old)
  await eventually(async () => (await ownSecretsIn(cluster, { target: name, home })).length === 1)
  expect(await journalOf(store, name)).toMatchObject({ state: 'stable', version: 1, trouble: { code: 'rotation_mint', tries: 1 } })
  await loop.stop()
})
