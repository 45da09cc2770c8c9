import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CheckReport } from '../../../src/model/check.ts'
import type { ShownTarget } from '../../../src/model/health.ts'
import { newId } from '../../../src/model/ids.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { turnOfHealth } from '../../../src/scheduler/health.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { sampleSealed, sampleTarget, sampleWorker } from '../../support/samples.ts'
import { ownRedis } from '../../support/sandbox.ts'
import { freshName, newTarget, type ServedApi, serveApi } from './api.ts'

/** Of its own, since the loop looks at every target of a Redis. */
let redis: Awaited<ReturnType<typeof ownRedis>>
let served: ServedApi
let store: Store
let queue: Queue
beforeAll(async () => {
  redis = await ownRedis()
  served = await serveApi({ redisUrl: redis.url })
  store = await openStore({ url: redis.url })
  queue = openQueue({ url: redis.url })
})
afterAll(async () => {
  await Promise.all([served.close(), queue.close()])
  await store.close()
  await redis.stop()
})

const settings = { everyMs: 300_000, perMinute: 2 }
const turn = (at = Date.now()): Promise<void> => turnOfHealth({ store, queue, settings, now: () => at })
const shown = async (name: string): Promise<ShownTarget> => (await (await served.call('GET', `/v1/targets/${name}`)).json()) as ShownTarget
const reportFor = (target: string, ok: boolean): CheckReport => ({
  target,
  ok,
  at: Date.now(),
  worker: 'w1',
  lines: [
    {
      rung: 'tcp',
      subject: 'api',
      status: ok ? 'ok' : 'failed',
      ms: 1,
      message: ok ? 'connected' : 'refused',
      ...(ok ? {} : { fix: 'Open it.' }),
    },
  ],
})
const added = async (pool: string): Promise<string> => {
  const name = freshName('health')
  expect((await served.call('POST', '/v1/targets', newTarget(name, { pool }))).status).toBe(201)
  return name
}

test('a target is tried where a worker lives, once at a time, and shown as it was found', async () => {
  const pool = freshName('pool')
  const name = await added(pool)
  await turn()
  expect(await queue.depth(pool)).toBe(0)
  expect((await shown(name)).health).toMatchObject({ state: 'unknown', sentence: 'not tried yet' })

  await store.workers.beat(sampleWorker(newId('wrk'), { pool }))
  await turn()
  await turn()
  expect(await queue.depth(pool)).toBe(1)
  const { open = '' } = (await store.health.list()).get(name) ?? {}
  await store.checks.put(open, reportFor(name, false))
  await turn()
  expect((await shown(name)).health).toMatchObject({
    state: 'down',
    sentence: 'tcp api: refused',
    fix: 'Open it.',
    checkedAt: expect.any(Number),
  })
  expect(await queue.depth(pool)).toBe(1)

  const later = Date.now() + 400_000
  await store.workers.beat(sampleWorker(newId('wrk'), { pool }))
  await turn(later)
  expect(await queue.depth(pool)).toBe(2)
})

test('a check that somebody asks for counts as well', async () => {
  const name = await added('nobody')
  const { id } = (await (await served.call('POST', `/v1/targets/${name}/checks`)).json()) as { id: string }
  await store.checks.put(id, reportFor(name, true))
  expect((await served.call('GET', `/v1/targets/${name}/checks/${id}`)).status).toBe(200)
  expect((await shown(name)).health).toMatchObject({ state: 'up' })
})

test('a pool is asked for no more than its budget, and what is removed is forgotten', async () => {
  const pool = freshName('pool')
  const all = await Promise.all(Array.from({ length: 5 }, () => added(pool)))
  await store.workers.beat(sampleWorker(newId('wrk'), { pool }))
  await Promise.all([turn()])
  expect(await queue.depth(pool)).toBe(2)
  for (const name of all) await served.call('DELETE', `/v1/targets/${name}`)
  await turn()
  const records = await store.health.list()
  expect(all.filter((name) => records.has(name))).toEqual([])
})

test('one server at a time has the turn', async () => {
  expect(await store.health.turn('srv_a', 60_000)).toBe(true)
  expect(await store.health.turn('srv_b', 60_000)).toBe(false)
  expect(await store.health.turn('srv_a', 60_000)).toBe(true)
})

test('addresses and trust can be changed while others change it too; everything else stays', async () => {
  const name = freshName('edit')
  const { binder } = served
  await store.targets.create(binder.bind(sampleTarget(name, { tlsServerName: 'old.example' })), sampleSealed(`acc_${name}`))
  const before = await store.targets.get(name)
  const change = (body: object): Promise<Response> => served.call('PATCH', `/v1/targets/${name}`, body)
  const answers = await Promise.all([
    change({ server: 'https://a.example:6443', alternates: ['https://b.example:6443'] }),
    change({ tlsServerName: null }),
    store.targets.change(name, (target) => binder.bind({ ...target, tags: ['kept'] })),
  ])
  expect(answers.slice(0, 2).map((answer) => (answer as Response).status)).toEqual([200, 200])
  const { tlsServerName: _, ...rest } = before
  const after = await store.targets.get(name)
  expect(() => binder.must(after)).not.toThrow()
  expect(after).toEqual({
    ...rest,
    server: 'https://a.example:6443',
    alternates: ['https://b.example:6443'],
    tags: ['kept'],
    bound: after.bound,
  })
  // What somebody else changed is not made good by the way, and is not given out.
  await store.targets.change(name, (target) => ({ ...target, ca: 'theirs' }))
  const refused = await change({ tlsServerName: 'new.example' })
  expect([refused.status, await refused.json()]).toMatchObject([409, { name: 'target_changed' }])
  const shown = (await (await served.call('GET', `/v1/targets/${name}`)).json()) as object
  expect(shown).not.toHaveProperty('bound')
})

test.each([
  [{ server: 'http://a' }, 'server'],
  [{ server: 'https://user:pass@a' }, 'server'],
  [{ alternates: ['https://b?x=1'] }, 'alternates'],
  [{ ca: 'no certificate' }, 'ca'],
  [{ name: 'other' }, 'name'],
  [{ credential: { kind: 'bearer', token: 'x' } }, 'credential'],
])('a change to %j is refused by its field', async (body, field) => {
  const name = await added('nobody')
  const answer = await served.call('PATCH', `/v1/targets/${name}`, body)
  expect([answer.status, await answer.text()]).toEqual([expect.toBeOneOf([400, 422]), expect.stringContaining(field)])
})

test('the token of a worker goes to no other address than that of its cluster', async () => {
  const name = freshName('edit')
  const account = { id: `acc_${name}`, mode: 'in-cluster', fingerprint: '0' } as const
  await store.targets.create(served.binder.bind(sampleTarget(name, { account })), sampleSealed(account.id))
  const answer = await served.call('PATCH', `/v1/targets/${name}`, { server: 'https://elsewhere:6443' })
  expect([answer.status, await answer.text()]).toEqual([expect.toBeOneOf([400, 422]), expect.stringContaining('its own cluster')])
})
