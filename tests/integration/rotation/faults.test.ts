import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { connect as connectTo } from '../../../src/cluster/connection.ts'
import type { RotationTimes } from '../../../src/credentials/rotation/held.ts'
import { newId } from '../../../src/model/ids.ts'
import { versionField } from '../../../src/store/keys.ts'
import { eventually } from '../../support/eventually.ts'
import { faultProxy, type ProxyFault } from '../../support/faultproxy.ts'
import { seededRandom } from '../../support/random.ts'
import { asked, isLetIn, journalOf, ownSecretsIn, rotating, statusOf, usedToken } from '../../support/rotating.ts'
import { rotationScene } from '../../support/rotation-scene.ts'
import { sampleSealed } from '../../support/samples.ts'

const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000)
const runs = Number(process.env['ROTATION_FAULTS'] ?? 4)

const scene = rotationScene()
const { key } = scene

const begin = async (
  choose: (method: string, path: string) => ProxyFault | undefined,
  { skewMs = 0, times = {} }: { readonly skewMs?: number; readonly times?: Partial<RotationTimes> } = {},
) => {
  const proxy = await faultProxy(scene.cluster, choose, { skewMs })
  const { name } = await scene.begin({ server: proxy.server, changes: { ca: proxy.ca } })
  return { name, proxy, loop: rotating(scene.store, key, { only: [name], times }) }
}

const common: readonly ProxyFault[] = ['500', '503', '429', 'cut', 'lost', 'lost', '401', 'silent']

test.concurrent(`every fifth request meets a fault, clocks differ by a minute: the same end, ${runs} times`, {
  timeout: 3_600_000,
}, async () => {
  const { cluster, store } = scene
  const one = async (run: number): Promise<void> => {
    const random = seededRandom(seed + run)
    let requests = 0
    const choose = () => (requests++ === 1 || random() < 0.2 ? common[Math.floor(random() * common.length)] : undefined)
    const { name, proxy, loop } = await begin(choose, { skewMs: run % 2 === 0 ? 60_000 : -60_000 })
    const old = await usedToken(store, name, key)
    let [isOver, outs] = [false, 0]
    const watch = async (): Promise<void> => {
      for (; !isOver; await pause(500)) if (!(await isLetIn(cluster, store, name, key))) outs++
    }
    const watching = watch()
    // One that fails leaves what was: it is asked for again, as the loop would by itself later.
    await eventually(
      async () => (await asked(store, name, { kind: 'rotate' }, 120_000)).ok || ((await journalOf(store, name))?.version ?? 1) > 1,
      240_000,
    )
    await eventually(async () => {
      const journal = await journalOf(store, name)
      return journal?.state === 'stable' && journal.unconfirmed.length === 0
    }, 120_000)
    isOver = true
    await watching
    expect(outs, `SOAK_SEED=${seed} run ${run}: locked out`).toBe(0)
    const used = await usedToken(store, name, key)
    expect([await statusOf(cluster, used), await statusOf(cluster, old)], `SOAK_SEED=${seed} run ${run}`).toEqual([200, 401])
    expect(proxy.faulty()).toBeGreaterThan(0)
    await loop.stop()
    proxy.stop()
    // Two sweeps by a loop without faults leave one Secret.
    const target = await store.targets.get(name)
    const calm = rotating(store, key, {
      only: [name],
      cluster: { connect: (given, credential) => connectTo({ ...given, server: cluster.server, ca: cluster.caPem }, credential) },
    })
    await store.rotations.ask(name, { id: newId('rot'), kind: 'rollback' })
    await eventually(async () => (await ownSecretsIn(cluster, { target: name, home: target.name })).length === 1)
    await calm.stop()
    await store.targets.remove(name)
  }
  for (let run = 0; run < runs; run += 4) await Promise.all(Array.from({ length: Math.min(4, runs - run) }, (_, at) => one(run + at)))
})

test.concurrent('a new credential that the API server does not take is never used, though the old one works', async () => {
  const { cluster, store } = scene
  let minted = false
  // The first question after the mint is the new token's own.
  const { name, proxy, loop } = await begin((method, path) => {
    if (method === 'POST' && path.endsWith('/token')) minted = true
    return minted && path.includes('selfsubjectreviews') ? '401' : undefined
  })
  const old = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'rotate' })).toMatchObject({ ok: false, code: 'rotation_unverified' })
  expect(await usedToken(store, name, key)).toBe(old)
  await eventually(async () => (await journalOf(store, name))?.unconfirmed.length === 0)
  expect(await statusOf(cluster, old)).toBe(200)
  await loop.stop()
  proxy.stop()
})

test.concurrent('a redirect is followed by nobody, and stops a rotation', async () => {
  const { store } = scene
  const { name, proxy, loop } = await begin((method, path) => (method === 'POST' && path.endsWith('/token') ? 'redirect' : undefined))
  const old = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'rotate' })).toMatchObject({ ok: false })
  expect([await usedToken(store, name, key), proxy.elsewhere]).toEqual([old, []])
  await loop.stop()
  proxy.stop()
})

test.concurrent('an old credential that is not refused stays an alarm, and is never reported as done', async () => {
  const { store } = scene
  // Its Secret cannot be deleted.
  const { name, proxy, loop } = await begin((method, path) => (method === 'DELETE' && path.includes('/secrets/') ? '429' : undefined))
  await store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })
  const refusedTo = await eventually(async () => (await journalOf(store, name))?.answer, 90_000)
  expect(refusedTo).toMatchObject({ ok: false, code: 'rotation_unconfirmed' })
  const journal = await journalOf(store, name)
  expect(journal).toMatchObject({ state: 'revoked', version: 2, unconfirmed: [{ version: 1 }] })
  await loop.stop()
  proxy.stop()
})

test.concurrent('a version that cannot be ended keeps no account at rest from rotating, and stays on the list', async () => {
  const { store } = scene
  const { name, proxy, loop } = await begin((method, path) => (method === 'DELETE' && path.endsWith('.v2') ? '429' : undefined), {
    times: { drainMs: 600_000 },
  })
  await store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })
  await eventually(async () => (await journalOf(store, name))?.state === 'draining')
  expect(await asked(store, name, { kind: 'rollback' })).toMatchObject({ ok: true })
  expect(await journalOf(store, name)).toMatchObject({ state: 'stable', version: 1, unconfirmed: [{ version: 2 }] })
  await store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })
  const journal = await eventually(async () => {
    const now = await journalOf(store, name)
    return now?.version === 3 ? now : undefined
  }, 60_000)
  expect(journal).toMatchObject({ state: 'draining', unconfirmed: [{ version: 2 }] })
  await loop.stop()
  proxy.stop()
})

test.concurrent('of two old versions the newer one is ended first, and one that cannot be ended keeps no other', async () => {
  const { cluster, store } = scene
  let stuck = ''
  const { name, proxy, loop } = await begin((method, path) => (method === 'DELETE' && path.endsWith(stuck) ? '429' : undefined))
  stuck = `/secrets/bootstrap-${name}`
  await store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })
  await eventually(async () => (await journalOf(store, name))?.state === 'revoked')
  const stolen = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'revoke' })).toMatchObject({ ok: true })
  expect(await statusOf(cluster, stolen)).toBe(401)
  expect(await journalOf(store, name)).toMatchObject({ state: 'stable', version: 3, unconfirmed: [{ version: 1 }] })
  await loop.stop()
  proxy.stop()
})

test.concurrent('an old version whose record nobody can read keeps no other, and its Secret goes', async () => {
  const { cluster, redis, store } = scene
  let isStuck = true
  const { name, proxy, loop } = await begin(
    (method, path) => (isStuck && method === 'DELETE' && path.endsWith('.v2') ? '429' : undefined),
    { times: { drainMs: 600_000 } },
  )
  await store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })
  await eventually(async () => (await journalOf(store, name))?.state === 'draining')
  const lost = await usedToken(store, name, key)
  expect(await asked(store, name, { kind: 'rollback' })).toMatchObject({ ok: true })
  // What it is at when it is stopped, it ends: it tries to delete the Secret for as long as it is away.
  await loop.stop()
  await eventually(() => loop.lines.some((line) => 'msg' in line && line.msg === 'what should be dead cannot be ended'), 60_000)
  const { id } = (await store.targets.get(name)).account
  await redis.ask('HSET', 'tel:{targets}:accounts', versionField(id, 2), JSON.stringify(sampleSealed(id)))
  isStuck = false
  const again = rotating(store, key, { only: [name] })
  expect(await asked(store, name, { kind: 'revoke' })).toMatchObject({ ok: true })
  expect(await ownSecretsIn(cluster, { target: name, home: name })).toEqual([`bootstrap-${name}.v3`])
  await eventually(async () => (await statusOf(cluster, lost)) === 401)
  await again.stop()
  proxy.stop()
})
