import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startFleet } from '../support/fleet.ts'
import { p95, rollOver } from '../support/rolling.ts'
import { ownRedis, sharedCluster, sharedDocker } from '../support/sandbox.ts'

/** What a wait may be beyond twice the usual one, in s: two busy cores are no fleet. `npm run bench -- drain` has the figure itself. */
const noiseSeconds = 2

test('4 workers and 2 servers are restarted one after the other under load: nothing fails, and nothing waits much longer', async ({
  onTestFinished,
}) => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-rolling-'))
  const redis = await ownRedis()
  onTestFinished(async () => {
    await redis.stop()
    await rm(dir, { recursive: true, force: true })
  })
  const [cluster, docker] = [await sharedCluster('none'), await sharedDocker()]
  const env = { TELPHER_CONCURRENCY: '2', TELPHER_WARM_CONTAINERS: '1' }
  const fleet = await startFleet({ dir, redisUrl: redis.url, cluster, dockerSocket: docker.socketPath, workers: 4, servers: 2, env })
  onTestFinished(() => fleet.stop())
  const { failed, handedBack, drains, deployments, waits } = await rollOver(fleet, dir, 12)
  expect(failed).toEqual([])
  expect(handedBack).toBe(0)
  expect(drains).toHaveLength(4)
  expect(deployments).toBeGreaterThan(4)
  expect(p95(waits.during)).toBeLessThan(2 * p95(waits.before) + noiseSeconds)
})
