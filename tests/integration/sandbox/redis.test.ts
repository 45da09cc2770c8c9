import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Redis } from '../../../src/sandbox/redis.ts'
import { ownRedis } from '../../support/sandbox.ts'

let redis: Redis
beforeAll(async () => {
  redis = await ownRedis()
})
afterAll(() => redis.stop())

test('it keeps what it acknowledged, its port and its slots over kill -9', async () => {
  await redis.command('SET', 'name', 'telpher')
  const before = redis.pid()
  await redis.kill('SIGKILL')
  await redis.restart()
  expect(redis.pid()).not.toBe(before)
  expect(await redis.command('GET', 'name')).toContain('telpher')
})

test('it evicts nothing, persists, and refuses scripts across slots', async () => {
  expect(await redis.command('CONFIG', 'GET', 'maxmemory-policy')).toContain('noeviction')
  expect(await redis.command('CONFIG', 'GET', 'appendonly')).toContain('yes')
  expect(await redis.command('EVAL', "return redis.call('MSET', KEYS[1], 1, KEYS[2], 2)", '2', 'a', 'b')).toContain('CROSSSLOT')
})
