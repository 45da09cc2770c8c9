import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Connection, connect } from '../../../src/store/connection.ts'
import { openStore } from '../../../src/store/index.ts'
import type { Migration, MigrationContext } from '../../../src/store/migrations.ts'
import { ensureSchema, schemaVersion } from '../../../src/store/schema.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis
let connection: Connection
let context: MigrationContext
beforeEach(async () => {
  redis = await startOwnRedis()
  connection = connect({ url: redis.url, timeoutMs: 5000, log: () => {} })
  const limits = { packageMs: 86_400_000 } as MigrationContext['limits']
  context = { connection, store: connection, limits }
})
afterEach(async () => {
  await connection.close()
  await redis.stop()
})

const version = async (): Promise<string | undefined> => (await redis.ask('GET', 'tel:{schema}:version'))[0]

test('an empty Redis begins with the newest version, and two that start at once agree', async () => {
  const stores = await Promise.all([openStore({ url: redis.url }), openStore({ url: redis.url })])
  expect(await version()).toBe(String(schemaVersion))
  expect(stores.map(({ schema }) => schema)).toEqual([schemaVersion, schemaVersion])
  for (const store of stores) await store.close()
})

test('data of version 1 is taken forward: packages are found by the sweep', async () => {
  const sha256 = 'ab'.repeat(32)
  await redis.ask('SET', 'tel:{installation}', 'srv_old')
  await redis.ask('HSET', `tel:{pkg:${sha256}}`, '0', 'piece', 'size', '5')
  await redis.ask('PEXPIRE', `tel:{pkg:${sha256}}`, '1000000')
  await redis.ask('HSET', 'tel:{pkg:cut}', '0', 'piece')
  const store = await openStore({ url: redis.url })
  expect(await version()).toBe(String(schemaVersion))
  expect(await redis.ask('ZRANGE', 'tel:{packages}:index', '0', '-1')).toContain(sha256)
  expect(Number(await redis.ask('HGET', `tel:{pkg:${sha256}}`, 'used'))).toBeGreaterThan(1_700_000_000_000)
  expect(Number(await redis.ask('PTTL', `tel:{pkg:${sha256}}`))).toBeGreaterThan(1_000_000)
  expect(await store.installation()).toBe('srv_old')
  await store.close()
})

test('newer data that is nothing for this program is refused, and left as it is', async () => {
  await redis.ask('MSET', 'tel:{schema}:version', '99', 'tel:{schema}:oldest', '98')
  await redis.ask('SET', 'tel:{installation}', 'srv_new')
  const before = await redis.ask('KEYS', '*')
  await expect(openStore({ url: redis.url })).rejects.toMatchObject({ code: 'store_newer' })
  expect(await redis.ask('KEYS', '*')).toEqual(before)
  expect(await version()).toBe('99')
})

test('each step is taken once, by one of many that start at once', async () => {
  await redis.ask('SET', 'tel:{schema}:version', '1')
  const taken: number[] = []
  const steps: Migration[] = [1, 2, 3].map((from) => ({
    from,
    about: '',
    run: async () => {
      taken.push(from)
      await new Promise((resolve) => setTimeout(resolve, 30))
    },
  }))
  await Promise.all(Array.from({ length: 6 }, () => ensureSchema(context, { steps })))
  expect(taken).toEqual([1, 2, 3])
  expect(await version()).toBe('4')
  expect(await redis.ask('EXISTS', 'tel:{schema}:turn')).toEqual(['0'])
})

test('a step that was cut is begun again by the next start, and those before it are not', async () => {
  await redis.ask('SET', 'tel:{schema}:version', '1')
  const taken: string[] = []
  let isCut = true
  const steps: Migration[] = [1, 2].map((from) => ({
    from,
    about: '',
    run: async () => {
      taken.push(`${from}${isCut && from === 2 ? ' cut' : ''}`)
      if (isCut && from === 2) throw new Error('killed')
    },
  }))
  await expect(ensureSchema(context, { steps })).rejects.toThrow('killed')
  expect(await version()).toBe('2')
  isCut = false
  await ensureSchema(context, { steps })
  expect(taken).toEqual(['1', '2 cut', '2'])
  expect(await version()).toBe('3')
})

test('the turn of one that was killed ends by itself; until then others wait, and say so when it lasts', async () => {
  await redis.ask('SET', 'tel:{schema}:version', '1')
  await redis.ask('SET', 'tel:{schema}:turn', 'of one that is dead', 'PX', '1500')
  const steps: Migration[] = [{ from: 1, about: '', run: async () => {} }]
  await expect(ensureSchema(context, { steps, waitMs: 200 })).rejects.toMatchObject({ code: 'store_migrating' })
  await ensureSchema(context, { steps, waitMs: 10_000 })
  expect(await version()).toBe('2')
})
