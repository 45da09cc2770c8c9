import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TelpherError } from '../../../src/model/errors.ts'
import { type Connection, connect } from '../../../src/store/connection.ts'
import { openStore } from '../../../src/store/index.ts'
import type { Migration, MigrationContext } from '../../../src/store/migrations.ts'
import { keepProgram } from '../../../src/store/programs.ts'
import { awaitSchema, ensureSchema, schemaVersion } from '../../../src/store/schema.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'

let redis: OwnRedis
let connection: Connection
let context: MigrationContext
beforeEach(async () => {
  redis = await startOwnRedis()
  connection = connect({ url: redis.url, timeoutMs: 5000, log: () => {} })
  context = { connection, store: connection, limits: { packageMs: 86_400_000 } as MigrationContext['limits'] }
})
afterEach(async () => {
  await connection.close()
  await redis.stop()
})

const version = async (): Promise<string | undefined> => (await redis.ask('GET', 'tel:{schema}:version'))[0]
const ran: number[] = []
/** Steps that lead from this program's version to the one after the next; what the last one makes is nothing for older programs. */
const later: Migration[] = [
  ...Array.from({ length: schemaVersion - 1 }, (_, index): Migration => ({ from: index + 1, about: '', run: async () => {} })),
  { from: schemaVersion, about: 'for both', run: async () => void ran.push(schemaVersion) },
  { from: schemaVersion + 1, about: 'for the newer alone', leavesBehind: true, run: async () => void ran.push(schemaVersion + 1) },
]
const program = (name: string, onLeftBehind: (why: TelpherError) => void = () => {}) => ({ program: { name, onLeftBehind } })

test('a program goes on beside data of a newer version that is valid for both, and starts again', async () => {
  const first = await openStore({ url: redis.url, ...program('server on a') })
  await ensureSchema(context, { steps: later.slice(0, -1) })
  expect(await version()).toBe(String(schemaVersion + 1))
  await first.workers.now()
  for (const migrates of [true, false]) await (await openStore({ url: redis.url, migrates })).close()
  expect(await version()).toBe(String(schemaVersion + 1))
  await first.close()
})

test('a step that is nothing for older programs waits until they have ended, and names them; then none of them starts', async () => {
  ran.length = 0
  const worker = await openStore({ url: redis.url, ...program('worker eu 1') })
  const server = await openStore({ url: redis.url, ...program('server on a') })
  await expect(ensureSchema(context, { steps: later })).rejects.toMatchObject({
    code: 'store_in_use',
    message: `the data goes to version ${schemaVersion + 2}, which is nothing for server on a, worker eu 1`,
  })
  expect([await version(), ran]).toEqual([String(schemaVersion + 1), [schemaVersion]])
  await server.close()
  await expect(ensureSchema(context, { steps: later })).rejects.toMatchObject({ message: expect.stringContaining('for worker eu 1') })
  await worker.close()
  await ensureSchema(context, { steps: later })
  expect([await version(), ran]).toEqual([String(schemaVersion + 2), [schemaVersion, schemaVersion + 1]])
  for (const migrates of [true, false])
    await expect(openStore({ url: redis.url, migrates, ...program('worker late') })).rejects.toMatchObject({
      code: 'store_newer',
      message: `Redis holds data for programs that know version ${schemaVersion + 2} of it or a newer one; this program knows versions up to ${schemaVersion}`,
    })
  expect(await redis.ask('ZRANGE', 'tel:{schema}:programs', '0', '-1')).toEqual([])
})

test('a step that was cut after it was begun keeps older programs out all the same', async () => {
  const cut: Migration = { ...later.at(-1)!, run: () => Promise.reject(new Error('killed')) }
  await openStore({ url: redis.url }).then((store) => store.close())
  await expect(ensureSchema(context, { steps: [...later.slice(0, -1), cut] })).rejects.toThrow('killed')
  expect(await version()).toBe(String(schemaVersion + 1))
  await expect(openStore({ url: redis.url })).rejects.toMatchObject({ code: 'store_newer' })
  await ensureSchema(context, { steps: later })
  expect(await version()).toBe(String(schemaVersion + 2))
})

test('one that was silent meanwhile does not count, and is told when it comes back', { timeout: 30_000 }, async () => {
  const told = Promise.withResolvers<TelpherError>()
  const kept = await keepProgram(connection, { known: schemaVersion, name: 'worker stopped', onLeftBehind: told.resolve })
  const [member = ''] = await redis.ask('ZRANGE', 'tel:{schema}:programs', '0', '-1')
  // As if it had been heard last a minute ago.
  await redis.ask('ZINCRBY', 'tel:{schema}:programs', '-60000', member)
  await openStore({ url: redis.url }).then((store) => store.close())
  await ensureSchema(context, { steps: later })
  expect(await told.promise).toMatchObject({ code: 'store_newer' })
  await kept.stop()
})

test('a program that takes the data nowhere waits for a server, and says what it waited for', async () => {
  await expect(awaitSchema(connection, { waitMs: 0 })).rejects.toMatchObject({
    code: 'store_older',
    message: `no server has begun with this Redis; this program needs version ${schemaVersion}`,
  })
  expect(await redis.ask('KEYS', '*')).toEqual([])
  await redis.ask('SET', 'tel:{schema}:version', '1')
  await expect(awaitSchema(connection, { waitMs: 0 })).rejects.toMatchObject({
    message: `Redis holds data of version 1; this program needs version ${schemaVersion}`,
  })
  const opening = openStore({ url: redis.url, migrates: false })
  const server = await openStore({ url: redis.url })
  const store = await opening
  expect(await version()).toBe(String(schemaVersion))
  await Promise.all([server.close(), store.close()])
})
