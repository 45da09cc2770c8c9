import { afterAll, beforeAll, expect, test } from 'vitest'
import type { HelmMajor } from '../../src/model/image.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { localImages } from '../../src/sandbox/image/local.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { createOutages, interruptAll, type Killed, killPoints, usualTime } from '../support/release-kills.ts'
import { clientOf } from '../support/running.ts'
import { ownCluster } from '../support/sandbox.ts'

/** SOAK_KILLS makes it long, SOAK_SEED runs a failure again. */
const count = Number(process.env['SOAK_KILLS'] ?? 6)
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const isLong = process.env['SOAK_KILLS'] !== undefined

/** The image of helm 3; building it is too long for `npm test`, which takes what is there. */
const helm3 = 'k1.34-h3'
const majorsHere = async (): Promise<HelmMajor[]> =>
  (await localImages(e2e.stack.docker.socketPath).find(`telpher/exec:${helm3}`)) === undefined ? [4] : [3, 4]

/** So many releases are interrupted side by side. */
const atOnce = isLong ? 5 : 3

let cluster: Cluster
let e2e: E2e & { stop(): Promise<void> }
beforeAll(async () => {
  cluster = await ownCluster('none')
  e2e = await startE2e({ workers: 3, cluster })
  if (isLong) await e2e.cli('image', 'build', helm3, '--docker-socket', e2e.stack.docker.socketPath)
})
afterAll(async () => {
  await e2e?.stop()
  await cluster?.stop()
})

const countBy = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))

test(
  `helm is killed at ${count} points, and the next deployment of its release succeeds`,
  async () => {
    const client = await clientOf(e2e)
    const { namespace, target } = await e2e.place()
    await eventually(async () => (await client.workers()).workers.length === 3)
    const majors = await majorsHere()
    const usualMs = await usualTime({ e2e, client, namespace, target }, 4)
    const scene = { e2e, client, namespace, target, usualMs, outage: createOutages(e2e) }
    const points = killPoints(seed, count, majors)
    const killed: Killed[] = []
    for (let at = 0; at < count; at += atOnce) {
      killed.push(...(await interruptAll(scene, points.slice(at, at + atOnce), at)))
      if (isLong) console.info(JSON.stringify(killed.slice(at)))
    }
    const found = countBy(killed.map((one) => one.found ?? 'none'))
    const results = countBy(killed.map(({ point, result }) => `${point.by}, helm ${point.helm}: ${result}`))
    console.info(JSON.stringify({ points: killed.length, seed, usualMs, found, results }))
    expect(
      killed.filter(({ wrong }) => wrong !== undefined),
      `SOAK_SEED=${seed}`,
    ).toEqual([])
    expect(killed).toHaveLength(count)
    // Otherwise nothing was tried: a release is stuck only when helm is killed while its revision is pending.
    const pending = killed.filter((one) => one.found?.startsWith('pending-') === true)
    expect(pending.length, `SOAK_SEED=${seed}`).toBeGreaterThanOrEqual(Math.floor(count / 3))
  },
  Math.max(300, count * 60) * 1000,
)
