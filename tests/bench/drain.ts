import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCluster } from '../../src/sandbox/cluster.ts'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { startRedis } from '../../src/sandbox/redis.ts'
import { startFleet } from '../support/fleet.ts'
import { p95, rollOver } from '../support/rolling.ts'
import { type Figure, median, rounded } from './figures.ts'

/** Deployments by which it is seen what is usual. */
const usual = 40

/** What a restart of 4 workers and 2 servers, one after the other, costs those who deploy meanwhile. */
export const drainSuite = async (): Promise<Figure[]> => {
  const dir = mkdtempSync(join(tmpdir(), 'telpher-drain-'))
  const stops: (() => Promise<void>)[] = []
  try {
    const redis = await startRedis({ dir: `${dir}/redis`, temporary: true })
    stops.push(() => redis.stop())
    const docker = await ensureDocker()
    stops.push(() => docker.stop())
    const cluster = await startCluster({ dir: `${dir}/kubernetes`, node: 'none', temporary: true })
    stops.push(() => cluster.stop())
    const env = { TELPHER_CONCURRENCY: '2', TELPHER_WARM_CONTAINERS: '1' }
    const fleet = await startFleet({
      ...{ dir: `${dir}/fleet`, redisUrl: redis.url, cluster, dockerSocket: docker.socketPath },
      ...{ workers: 4, servers: 2, env },
    })
    stops.push(() => fleet.stop())
    const { deployments, failed, handedBack, drains, waits } = await rollOver(fleet, dir, usual)
    const [before, during] = [p95(waits.before), p95(waits.during)]
    return [
      { id: 'drain.s', value: rounded(median(drains)), unit: 's', runs: drains.length },
      { id: 'drain.failed', value: failed.length, unit: `of ${deployments} deployments`, runs: deployments },
      { id: 'drain.handed_back', value: handedBack, unit: 'jobs', runs: deployments },
      {
        id: 'drain.wait_p95_vs_before',
        value: rounded(during),
        unit: 's',
        ratio: rounded(during / before),
        peer: { name: 'nothing restarted', value: rounded(before) },
        runs: deployments,
      },
    ]
  } finally {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last().catch(() => {})
    rmSync(dir, { recursive: true, force: true })
  }
}
