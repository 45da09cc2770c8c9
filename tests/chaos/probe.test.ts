import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { shimPath } from '../../src/sandbox/shim.ts'
import { ownRedis, sharedCluster, sharedDocker } from '../support/sandbox.ts'
import type { LaneKind } from './cut-lane.ts'
import { runProbe } from './probe.ts'

/** SOAK_CUTS makes it long, SOAK_SEED runs a failure again as far as chance lets it. */
const cuts = Number(process.env['SOAK_CUTS'] ?? 25)
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 20))
const isLong = process.env['SOAK_CUTS'] !== undefined
const lanes: readonly LaneKind[] = isLong
  ? ['process', 'process', 'process', 'process', 'process', 'process', 'door', 'attach']
  : ['process', 'process', 'attach']

test(
  `${cuts} cuts of streams at chance bytes: nothing is green that is not so`,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tel-cut-'))
    const redis = await ownRedis()
    onTestFinished(async () => {
      await redis.stop()
      await rm(dir, { recursive: true, force: true })
    })
    const [cluster, docker] = [await sharedCluster('none'), await sharedDocker()]
    const say = (text: string): void => (isLong ? console.info(text) : undefined)
    const { report, troubles } = await runProbe({
      ...{ dir, cluster, redisPort: redis.port, dockerSocket: docker.socketPath, shimPath: await shimPath() },
      ...{ cuts, seed, lanes, say },
    })
    console.info(JSON.stringify({ seed, ...report }))
    expect(troubles, `SOAK_SEED=${seed}`).toEqual([])
    expect(report).toMatchObject({ false_success: 0, stuck: 0, blamed: 0, log: 0 })
    expect(report.cuts).toBeGreaterThanOrEqual(cuts)
    // Otherwise little was tried.
    for (const phase of ['preparing', 'running', 'verifying']) expect(Object.keys(report.byPhase)).toContain(phase)
  },
  Math.max(600, cuts * 8) * 1000,
)
