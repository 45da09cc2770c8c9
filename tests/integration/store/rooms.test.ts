import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobRef } from '../../../src/model/deployment.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  store = await openStore({ url: redis.url })
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

const job = (deployment: string, n: number): JobRef => ({ deploymentId: deployment, jobId: `job_${n}` })
const ask = (changes: object = {}) => ({ priority: 1, weight: 1, places: 2, waiting: 1, ...changes })
const keysOf = async (): Promise<string[]> => (await redis.ask('KEYS', 'tel:{room:*')) as string[]

describe('a room', () => {
  test('takes so many, and the next one when a place is given back', async () => {
    expect(await store.rooms.enter('r1', job('dep_a', 1), ask())).toEqual({ in: true, next: [] })
    expect(await store.rooms.enter('r1', job('dep_a', 2), ask())).toEqual({ in: true, next: [] })
    expect(await store.rooms.enter('r1', job('dep_a', 2), ask())).toEqual({ in: true, next: [] })
    expect(await store.rooms.enter('r1', job('dep_b', 1), ask({ waiting: 7 }))).toEqual({ in: false, next: [] })
    expect(await store.rooms.look('r1', await store.workers.now())).toEqual({ inside: 2, waiting: 7, deployments: 1 })
    expect(await store.rooms.leave('r1', job('dep_a', 1))).toBe('dep_b')
    expect(await store.rooms.enter('r1', job('dep_b', 1), ask())).toEqual({ in: true, next: [] })
    expect(await store.rooms.leave('r1', job('dep_unknown', 1))).toBeUndefined()
    await store.rooms.leave('r1', job('dep_a', 2))
    await store.rooms.leave('r1', job('dep_b', 1))
    expect(await keysOf()).toEqual([])
  })

  /** Who gets in, one after the other, when all deployments ask again and again and one place is there. */
  const served = async (room: string, deployments: readonly { id: string; ask: object }[], rounds: number): Promise<string[]> => {
    const next = new Map(deployments.map(({ id }) => [id, 1]))
    const order: string[] = []
    for (let round = 0; round < rounds; round++) {
      // All stand in the queue before the place is free.
      for (const { id, ask: changes } of deployments) {
        const answer = await store.rooms.enter(room, job(id, next.get(id) ?? 1), ask({ places: 0, ...changes }))
        expect(answer.in).toBe(false)
      }
      for (const { id, ask: changes } of deployments) {
        const ref = job(id, next.get(id) ?? 1)
        if (!(await store.rooms.enter(room, ref, ask({ places: 1, ...changes }))).in) continue
        order.push(id)
        next.set(id, (next.get(id) ?? 1) + 1)
        await store.rooms.leave(room, ref)
        break
      }
    }
    for (const { id } of deployments) await store.rooms.leave(room, job(id, next.get(id) ?? 1))
    return order
  }
  const count = (order: readonly string[], id: string): number => order.filter((one) => one === id).length

  test('deployments take turns, however many jobs each has', async () => {
    const order = await served(
      'r2',
      [
        { id: 'dep_a', ask: { waiting: 1000 } },
        { id: 'dep_b', ask: {} },
      ],
      10,
    )
    expect(Math.abs(count(order, 'dep_a') - count(order, 'dep_b'))).toBeLessThanOrEqual(1)
  })

  test('by their weights', async () => {
    const order = await served(
      'r3',
      [
        { id: 'dep_a', ask: { weight: 3 } },
        { id: 'dep_b', ask: {} },
      ],
      30,
    )
    expect(count(order, 'dep_a') / count(order, 'dep_b')).toBeGreaterThan(2.4)
    expect(count(order, 'dep_a') / count(order, 'dep_b')).toBeLessThan(3.6)
  })

  test('one that comes late begins where the others are, not where they began', async () => {
    for (let n = 0; n < 20; n++) {
      expect(await store.rooms.enter('r4', job('dep_old', n), ask())).toEqual({ in: true, next: [] })
      await store.rooms.enter('r4', job('dep_mid', 99), ask({ places: 0 }))
      await store.rooms.leave('r4', job('dep_old', n))
      if (n % 2 === 1) expect((await store.rooms.enter('r4', job('dep_mid', n), ask())).in).toBe(true)
      await store.rooms.leave('r4', job('dep_mid', n % 2 === 1 ? n : 99))
    }
    await store.rooms.enter('r4', job('dep_old', 50), ask({ places: 0 }))
    const order = await served(
      'r4',
      [
        { id: 'dep_old', ask: {} },
        { id: 'dep_young', ask: {} },
      ],
      6,
    )
    expect(Math.abs(count(order, 'dep_old') - count(order, 'dep_young'))).toBeLessThanOrEqual(1)
  })

  test('a higher priority goes first, and one that changes its own is moved', async () => {
    await store.rooms.enter('r5', job('dep_a', 1), ask({ places: 0, priority: 2 }))
    await store.rooms.enter('r5', job('dep_b', 1), ask({ places: 0, priority: 0 }))
    expect(await store.rooms.enter('r5', job('dep_a', 1), ask({ places: 1, priority: 2 }))).toEqual({ in: false, next: ['dep_b'] })
    expect(await store.rooms.enter('r5', job('dep_a', 1), ask({ places: 1, priority: 0 }))).toEqual({ in: true, next: [] })
    await store.rooms.leave('r5', job('dep_a', 1))
    await store.rooms.leave('r5', job('dep_b', 1))
  })

  test('several come in beside one another, and a place is kept for every turn before', async () => {
    const late = ask({ places: 3 })
    await store.rooms.enter('r8', job('dep_a', 1), ask({ places: 0, waiting: 2 }))
    expect(await store.rooms.enter('r8', job('dep_b', 1), late)).toEqual({ in: true, next: ['dep_a'] })
    // Two places are left, and the turns of both jobs of dep_a come before its second one.
    expect(await store.rooms.enter('r8', job('dep_b', 2), late)).toEqual({ in: false, next: ['dep_a'] })
    expect(await store.rooms.enter('r8', job('dep_a', 1), late)).toEqual({ in: true, next: ['dep_b'] })
    expect(await store.rooms.enter('r8', job('dep_b', 2), late)).toEqual({ in: true, next: [] })
    expect(await store.rooms.enter('r8', job('dep_a', 2), late)).toEqual({ in: false, next: [] })
    await store.rooms.leave('r8', job('dep_a', 2))
    for (const ref of [job('dep_a', 1), job('dep_b', 1), job('dep_b', 2)]) await store.rooms.leave('r8', ref)
  })

  test('one that asks no more does not keep the others waiting, and has its turn when it does again', async () => {
    await store.rooms.enter('r6', job('dep_a', 1), ask({ places: 0 }))
    await store.rooms.enter('r6', job('dep_b', 1), ask({ places: 0 }))
    const asks = (await keysOf()).find((key) => key.endsWith(':asks'))
    await redis.ask('HSET', asks ?? '', 'ask:dep_a', '1 1 dep_a/job_1')
    expect(await store.rooms.enter('r6', job('dep_b', 1), ask({ places: 1 }))).toEqual({ in: true, next: [] })
    expect(await store.rooms.enter('r6', job('dep_a', 1), ask({ places: 1 }))).toEqual({ in: false, next: [] })
    await store.rooms.leave('r6', job('dep_b', 1))
    expect(await store.rooms.enter('r6', job('dep_a', 1), ask({ places: 1 }))).toEqual({ in: true, next: [] })
    await store.rooms.leave('r6', job('dep_a', 1))
    expect(await keysOf()).toEqual([])
  })

  test('never holds more than its places, whoever asks at the same time', async () => {
    const refs = Array.from({ length: 200 }, (_, n) => job(`dep_${n % 20}`, n))
    const waiting = new Set(refs)
    let inside = 0
    let most = 0
    const one = async (ref: JobRef): Promise<void> => {
      for (;;) {
        if ((await store.rooms.enter('r7', ref, ask({ places: 3 }))).in) break
      }
      inside++
      most = Math.max(most, inside)
      await store.rooms.look('r7', await store.workers.now())
      inside--
      await store.rooms.leave('r7', ref)
      waiting.delete(ref)
    }
    await Promise.all(refs.map(one))
    expect(waiting.size).toBe(0)
    expect(most).toBeLessThanOrEqual(3)
    expect(await keysOf()).toEqual([])
  })
})
