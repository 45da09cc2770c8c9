import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startClusterRedis } from '../../../src/sandbox/redis-cluster.ts'
import { connect } from '../../../src/store/connection.ts'

test.each<[string, 'reconnecting' | 'close']>([
  ['says so', 'reconnecting'],
  ['says that it is closed, as after a connection that ended late', 'close'],
])('a read that waits for a cluster that is away ends when its reader is told to, who %s', async (_, status) => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-away-'))
  const redis = await startClusterRedis({ dir, temporary: true })
  const connection = connect({ url: redis.url, timeoutMs: 2000, log: () => {} })
  onTestFinished(async () => {
    await connection.close()
    await redis.stop()
    await rm(dir, { recursive: true, force: true })
  })
  const reader = connection.blocking()
  await reader.ping()
  const isLooking = new Promise((resolve) => reader.once('reconnecting', resolve))
  const read = reader.blpop('tel:{away}', 60)
  const refused = expect(read).rejects.toThrow()
  await Promise.all(redis.masters.map((master) => master.kill('SIGKILL')))
  await isLooking
  reader.status = status
  reader.disconnect()
  await refused
})
