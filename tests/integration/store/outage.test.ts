import { afterAll, beforeAll, expect, test } from 'vitest'
import { isOutage, openStore, type Store, untilThrough } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis
let store: Store
beforeAll(async () => {
  redis = await startOwnRedis()
  // So short a time may be over before a busy machine has answered.
  store = await untilThrough(() => openStore({ url: redis.url, timeoutMs: 500 }))
})
afterAll(async () => {
  await store.close()
  await redis.stop()
})

test('gives up in time while Redis is frozen, and goes on after it', async () => {
  await redis.freeze()
  await expect(store.ping()).rejects.toMatchObject({ code: 'redis_timeout' })
  await redis.thaw()
  await eventually(() => store.ping().then(() => true))
})

test('gives up while Redis is gone, and what must get through gets through', async () => {
  await redis.kill()
  await expect(store.workers.now()).rejects.toSatisfy(isOutage)
  const through = untilThrough(() => store.workers.now())
  await redis.start()
  expect(await through).toBeTypeOf('number')
})

test('hears wakes that were sent after an outage', async () => {
  const stop = new AbortController()
  const heard: string[] = []
  const following = (async () => {
    for await (const ids of store.wakes.follow(stop.signal)) heard.push(...ids)
  })()
  await eventually(async () => {
    await store.wakes.send('dep_before')
    return heard.includes('dep_before')
  })
  await redis.kill()
  await redis.start()
  await eventually(async () => {
    await store.wakes.send('dep_after')
    return heard.includes('dep_after')
  })
  stop.abort()
  await following
})

test('a wake is heard by one of those who listen', async () => {
  const stop = new AbortController()
  const heard: string[][] = [[], []]
  const listening = heard.map(async (ids) => {
    for await (const found of store.wakes.follow(stop.signal)) ids.push(...found)
  })
  const sent = Array.from({ length: 200 }, (_, n) => `dep_${n}`)
  // Sent one after the other: what is sent at once may be heard at once.
  for (const id of sent) await store.wakes.send(id)
  await eventually(() => heard.flat().includes('dep_199'))
  expect(
    heard
      .flat()
      .filter((id) => sent.includes(id))
      .toSorted(),
  ).toEqual(sent.toSorted())
  stop.abort()
  await Promise.all(listening)
})

test('closes at once although Redis is gone', async () => {
  const doomed = await openStore({ url: redis.url, timeoutMs: 500 })
  await redis.kill()
  await doomed.close()
  await expect(doomed.ping()).rejects.toMatchObject({ code: 'redis_unreachable' })
  await redis.start()
})
