import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Redis, startRedis } from '../../../src/sandbox/redis.ts'
import { createBarrier } from '../../../src/store/barrier.ts'
import { connect } from '../../../src/store/connection.ts'
import { parseInfo } from '../../../src/store/startcheck.ts'
import { eventually } from '../../support/eventually.ts'

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'telpher-barrier-'))
const connectTo = (redis: Redis) => connect({ url: redis.url, timeoutMs: 20_000, log: () => {} })
const infoOf = async (redis: Redis, section: string) => parseInfo(await redis.command('INFO', section))

/** Replication needs a Redis without cluster mode. */
const startPair = async (): Promise<readonly [master: Redis, replica: Redis]> => {
  const dir = await folder()
  const config = { appendfsync: 'everysec', 'cluster-enabled': 'no' }
  const master = await startRedis({ dir: `${dir}/a`, temporary: true, config })
  const replica = await startRedis({ dir: `${dir}/b`, temporary: true, config })
  await replica.command('REPLICAOF', '127.0.0.1', String(master.port))
  await eventually(async () => (await infoOf(master, 'replication')).get('slave0')?.includes('state=online') === true, 30_000)
  return [master, replica]
}

/** What a server of this version can show of its file: WAITAOF came with 7.2, which Valkey says it is. */
const restsOn = async (redis: Redis): Promise<string> => {
  const [major = 0, minor = 0] = (await infoOf(redis, 'server')).get('redis_version')?.split('.').map(Number) ?? []
  return major > 7 || (major === 7 && minor >= 2) ? 'WAITAOF' : 'appendfsync everysec'
}

test.concurrent('what was written before it is on the disk: a server killed after it comes back with it', async () => {
  const redis = await startRedis({ dir: await folder(), temporary: true, config: { appendfsync: 'everysec' } })
  const connection = connectTo(redis)
  const barrier = createBarrier(connection)
  for (let round = 0; round < 3; round++) {
    await connection.call((client) => client.set('tel:{targets}:x', String(round)))
    expect(await barrier()).toBe(await restsOn(redis))
    await redis.kill('SIGKILL')
    await redis.restart()
    expect(await eventually(() => connection.call((client) => client.get('tel:{targets}:x')))).toBe(String(round))
  }
  await connection.close()
  await redis.stop()
})

test.concurrent('a server without an append-only file shows nothing', async () => {
  const redis = await startRedis({ dir: await folder(), temporary: true, config: { appendonly: 'no' } })
  const connection = connectTo(redis)
  await expect(createBarrier(connection)()).rejects.toMatchObject({ code: 'rotation_barrier' })
  await connection.close()
  await redis.stop()
})

test.concurrent('what was written before it is on the replica, which may be the master at once', async () => {
  const [master, replica] = await startPair()
  const connection = connectTo(master)
  await connection.call((client) => client.set('tel:{targets}:x', 'there'))
  expect(await createBarrier(connection)()).toBe(`${await restsOn(master)}, 1 replicas`)
  await master.kill('SIGKILL')
  await replica.command('REPLICAOF', 'NO', 'ONE')
  expect(await replica.command('GET', 'tel:{targets}:x')).toContain('there')
  await connection.close()
  await Promise.all([master.stop(), replica.stop()])
})

test.concurrent('a replica that hangs, and then is disconnected, lets nothing pass until it is back', async () => {
  const [master, replica] = await startPair()
  const connection = connectTo(master)
  const barrier = createBarrier(connection, 3000)
  await barrier()
  await replica.kill('SIGSTOP')
  const place = `127.0.0.1:${replica.port}`
  await expect(barrier()).rejects.toMatchObject({
    code: 'rotation_replicas',
    message: expect.stringContaining(`one of its replicas ${place} does not have it`),
  })
  // The master gives it up after a minute; a test says so to it at once.
  await master.command('CLIENT', 'KILL', 'TYPE', 'replica')
  await eventually(async () => (await infoOf(master, 'replication')).get('connected_slaves') === '0')
  await expect(barrier()).rejects.toMatchObject({
    code: 'rotation_replicas',
    message: expect.stringContaining(`its replica ${place} is away`),
  })
  await replica.kill('SIGCONT')
  expect(await eventually(() => barrier().catch(() => undefined), 60_000)).toContain('1 replicas')
  await connection.close()
  await Promise.all([master.stop(), replica.stop()])
})
