import { afterEach, expect, test } from 'vitest'
import { openStore } from '../../../src/store/index.ts'
import { judgeInfo, parseInfo } from '../../../src/store/startcheck.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis | undefined
afterEach(async () => {
  await redis?.stop()
  redis = undefined
})

test('opens a Redis that keeps what it is given', async () => {
  redis = await startOwnRedis()
  const store = await openStore({ url: redis.url })
  await store.ping()
  await store.close()
})

test.each([
  ['redis_persistence', { appendonly: 'no' }],
  ['redis_eviction', { 'maxmemory-policy': 'allkeys-lru' }],
])('refuses a Redis that would lose it: %s', async (code, config) => {
  redis = await startOwnRedis(config)
  await expect(openStore({ url: redis.url })).rejects.toMatchObject({ code })
})

test('says that nobody listens', async () => {
  await expect(openStore({ url: 'redis://:secret@127.0.0.1:1', timeoutMs: 1500 })).rejects.toSatisfy(
    (error: Error & { code: string }) => /^redis_(unreachable|timeout)$/.test(error.code) && !error.message.includes('secret'),
  )
})

test('judges a version by its numbers, and says what it is not told', () => {
  const judged = (lines: string) => judgeInfo(parseInfo(lines))
  expect(judged('redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\naof_enabled:1').error?.code).toBe('redis_version')
  expect(judged('redis_version:6.2.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1').error).toBeUndefined()
  expect(judged('redis_version:10.0.1').unknown).toEqual(['maxmemory-policy', 'appendonly'])
})
