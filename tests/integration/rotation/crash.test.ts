import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { newId } from '../../../src/model/ids.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { type Redis, startRedis } from '../../../src/sandbox/redis.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { seededRandom } from '../../support/random.ts'
import { addIdentity, asked, isLetIn, journalOf, ownSecretsIn, rotating, statusOf, testKey, usedToken } from '../../support/rotating.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import type { Crash } from './crashing-child.ts'

/** Points of chance, with a seed by which they come again: some in `npm test`, hundreds in `npm run soak`. */
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000)
const kills = Number(process.env['ROTATION_KILLS'] ?? 6)
const losses = Number(process.env['ROTATION_LOSSES'] ?? 4)
const atOnce = 4
/** Calls that a whole rotation makes, about: some points lie behind its end. */
const calls = 30

const child = fileURLToPath(new URL('crashing-child.ts', import.meta.url))
const key = testKey()
let cluster: Cluster
let keyFile: string
beforeAll(async () => {
  cluster = await sharedCluster('none')
  keyFile = join(await mkdtemp(join(tmpdir(), 'telpher-rotation-')), 'key')
  await writeFile(keyFile, key.key)
})

const ownRedis = async (fsync: string): Promise<{ redis: Redis; dir: string }> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-rotation-redis-'))
  return { dir, redis: await startRedis({ dir, temporary: true, config: { appendfsync: fsync } }) }
}

/** Rotates in a child that is killed, and again in this process until it is at rest. */
const crashed = async (store: Store, crash: Omit<Crash, 'keyFile' | 'target' | 'tokens'>, restart: () => Promise<void>): Promise<void> => {
  const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
  await addIdentity(cluster, store, key, { target: home, home, namespaces: [namespace] })
  const first = await usedToken(store, home, key)
  await store.rotations.ask(home, { id: newId('rot'), kind: 'rotate' })
  const tokens = join(await mkdtemp(join(tmpdir(), 'telpher-rotation-')), 'tokens')
  await writeFile(tokens, '')
  const told: Crash = { ...crash, keyFile, target: home, tokens }
  const ended = await execa(process.execPath, [child, JSON.stringify(told)], { reject: false, timeout: 120_000 })
  expect(ended.signal === 'SIGKILL' || ended.exitCode === 0, ended.stderr).toBe(true)
  await restart()
  // Whatever the crash left, the target can be reached, before anybody takes it further.
  expect(await isLetIn(cluster, store, home, key)).toBe(true)

  const begunAt = performance.now()
  const loop = rotating(store, key, { only: [home] })
  // The wish was answered, nothing goes on, and nothing is left to be seen dead.
  await eventually(async () => {
    const { rotation, wish } = (await store.rotations.read(await store.targets.get(home))) ?? {}
    return rotation?.state === 'stable' && wish === undefined && rotation.answer !== undefined && rotation.unconfirmed.length === 0
  }, 60_000)
  expect(performance.now() - begunAt).toBeLessThan(60_000)
  const used = await usedToken(store, home, key)
  // Never locked out, and exactly one of all the tokens that there ever were lives; the sweep after the end has deleted what was left.
  const all = new Set([first, used, ...(await readFile(tokens, 'utf8')).split('\n').filter((token) => token !== '')])
  await eventually(async () => (await ownSecretsIn(cluster, { target: home, home })).length === 1)
  await eventually(async () => {
    const statuses = await Promise.all([...all].map(async (token) => ((await statusOf(cluster, token)) === 200 ? [token] : [])))
    return statuses.flat().length === 1 && statuses.flat()[0] === used
  })
  expect((await journalOf(store, home))?.version).toBeGreaterThan(1)
  // It sweeps after each thing that is asked of it: when the second is answered, it has swept after the first.
  for (let asks = 0; asks < 2; asks++) expect((await asked(store, home, { kind: 'rollback' })).code).toBe('rotation_too_late')
  expect(await ownSecretsIn(cluster, { target: home, home })).toHaveLength(1)
  expect(await isLetIn(cluster, store, home, key)).toBe(true)
  await loop.stop()
  await store.targets.remove(home)
}

/** Runs all, a few at a time. */
const each = async <T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> => {
  const waiting = [...all]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const one = next
      await work(one).catch((cause: unknown) => {
        throw new Error(`SOAK_SEED=${seed}: ${JSON.stringify(one)}`, { cause })
      })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

test.concurrent(`a server killed at ${kills} points of a rotation: the next one takes it to its end`, { timeout: 7_200_000 }, async () => {
  const random = seededRandom(seed)
  const points = Array.from({ length: kills }, () => ({ dieAt: 1 + Math.floor(random() * calls), after: random() < 0.5 }))
  const { redis } = await ownRedis('everysec')
  const store = await openStore({ url: redis.url, timeoutMs: 20_000 })
  await each(points, (point) => crashed(store, { ...point, redisUrl: redis.url }, async () => {}))
  await store.close()
  await redis.stop()
})

test.concurrent(`Redis dies with it at ${losses} points, and forgets what no barrier has passed: the target is never lost`, {
  timeout: 7_200_000,
}, async () => {
  const random = seededRandom(seed + 1)
  const points = Array.from({ length: losses }, () => {
    const dieAt = 1 + Math.floor(random() * calls)
    return { dieAt, after: random() < 0.5, copyAt: 1 + Math.floor(random() * dieAt), fsync: random() < 0.7 ? 'everysec' : 'no' }
  })
  await each(points, async ({ dieAt, after, copyAt, fsync }) => {
    const { redis, dir } = await ownRedis(fsync)
    const [files, copy] = [join(dir, 'appendonlydir'), join(dir, 'copied')]
    const store = await openStore({ url: redis.url, timeoutMs: 20_000 })
    const told = { dieAt, after, redisUrl: redis.url, redis: { pid: redis.pid(), files, copy, copyAt } }
    await crashed(store, told, async () => {
      await redis.kill('SIGKILL')
      await rm(files, { recursive: true })
      await cp(copy, files, { recursive: true })
      await redis.restart()
    })
    await store.close()
    await redis.stop()
  })
})
