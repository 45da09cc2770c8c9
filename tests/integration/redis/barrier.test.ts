import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Redis, startRedis } from '../../../src/sandbox/redis.ts'
import { type AclVersion, aclUser, openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'

/** The user of a server, on a Redis of any version, which says what it was refused. */
const { user } = aclUser('server')

const infoOf = async (redis: Redis, section: string, name: string): Promise<string> =>
  new RegExp(`^${name}:(.*)\r$`, 'm').exec(await redis.command('INFO', section))?.[1] ?? ''

const versionOf = async (redis: Redis): Promise<AclVersion> => {
  const [major = 0, minor = 0] = (await infoOf(redis, 'server', 'redis_version')).split('.').map(Number)
  return major > 7 || (major === 7 && minor >= 2) ? '7.2' : major === 7 ? '7.0' : '6.2'
}

/** A Redis with such settings, and a server's store on it under its own user. */
const start = async (config: Readonly<Record<string, string>>): Promise<{ redis: Redis; store: Store; version: AclVersion }> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-barrier-'))
  const redis = await startRedis({ dir, temporary: true, config })
  const version = await versionOf(redis)
  await redis.command('ACL', 'SETUSER', user, ...aclUser('server', { version }).rules, '>password')
  const store = await openStore({ url: redis.url.replace('//', `//${user}:password@`) })
  onTestFinished(async () => {
    await store.close()
    await redis.stop()
    await rm(dir, { recursive: true, force: true })
  })
  return { redis, store, version }
}

const refused = async (redis: Redis): Promise<boolean> => !(await redis.command('ACL', 'LOG')).startsWith('*0')

test.each([
  ['always', 'appendfsync always'],
  ['everysec', 'appendfsync everysec'],
  ['no', 'a rewritten append-only file'],
])('with appendfsync %s a server sees under its own user that what was written is on the disk', async (appendfsync, older) => {
  const { redis, store, version } = await start({ appendfsync })
  expect(await store.rotations.barrier()).toBe(version === '7.2' && appendfsync !== 'no' ? 'WAITAOF' : older)
  expect(await refused(redis)).toBe(false)
})

test('a Redis whose append-only file was switched off shows nothing', async () => {
  const { redis, store } = await start({})
  await redis.command('CONFIG', 'SET', 'appendonly', 'no')
  await expect(store.rotations.barrier()).rejects.toMatchObject({ code: 'rotation_barrier' })
})

test('replicas are waited for, one that stands still too', async () => {
  // Replication needs a Redis without cluster mode.
  const { redis, store, version } = await start({ 'cluster-enabled': 'no', appendfsync: 'always' })
  const { redis: replica } = await start({ 'cluster-enabled': 'no' })
  await replica.command('REPLICAOF', '127.0.0.1', String(redis.port))
  await eventually(async () => (await infoOf(redis, 'replication', 'slave0')).includes('state=online'))
  const rests = `${version === '7.2' ? 'WAITAOF' : 'appendfsync always'}, 1 replicas`
  expect(await store.rotations.barrier()).toBe(rests)
  await replica.kill('SIGSTOP')
  const waits = async (): Promise<string> => infoOf(redis, 'commandstats', 'cmdstat_wait')
  const before = await waits()
  let passed = false
  const barrier = store.rotations.barrier().finally(() => {
    passed = true
  })
  // The first of its questions came to nothing.
  await eventually(async () => (await waits()) !== before)
  expect(passed).toBe(false)
  await replica.kill('SIGCONT')
  expect(await barrier).toBe(rests)
  expect(await refused(redis)).toBe(false)
})
