import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { newId } from '../../../src/model/ids.ts'
import { openStore } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { manyIdentities } from '../../support/manyidentities.ts'
import { startOwnRedis } from '../../support/ownredis.ts'
import { journalOf, testKey } from '../../support/rotating.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import type { SaidOfPlace } from './server-child.ts'

const identities = 24
const most = 5
const child = fileURLToPath(new URL('server-child.ts', import.meta.url))

type Said = SaidOfPlace & { readonly server: number }

/** When each place was held, as its holder knew it: to when it was given back, or would be another's. */
const spansOf = (said: readonly Said[]): (readonly [from: number, to: number])[] =>
  [...new Set(said.map(({ holder }) => holder))].map((one) => {
    const held = said.flatMap((line) => (line.type === 'held' && line.holder === one ? [line] : []))
    const left = said.flatMap((line) => (line.type === 'left' && line.holder === one ? [line.at] : []))
    return [Math.min(...held.map(({ from }) => from)), Math.min(...left, Math.max(...held.map(({ until }) => until)))]
  })

const mostAtOnce = (said: readonly Said[]): number => {
  const spans = spansOf(said)
  // Times are in ms: one that ends in the ms in which another begins was before it.
  return Math.max(...spans.map(([at]) => spans.filter(([from, to]) => from <= at && at < to).length))
}

test('five accounts of a cluster rotate at a time over two servers, and one that is killed leaves its places to the other', async ({
  onTestFinished,
}) => {
  const [cluster, key, redis] = [await sharedCluster('none'), testKey(), await startOwnRedis()]
  const store = await openStore({ url: redis.url, timeoutMs: 20_000 })
  const keyFile = join(await mkdtemp(join(tmpdir(), 'telpher-servers-')), 'key')
  await writeFile(keyFile, key.key)
  const names = await manyIdentities(cluster, store, key, await freshNamespace(cluster), identities)
  const said: Said[] = []
  const start = async (server: number, only: readonly string[]): Promise<ChildProcess> => {
    const running = spawn(process.execPath, [child, redis.url, keyFile, ...only], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void running.kill('SIGKILL'))
    const lines = createInterface({ input: running.stdout })
    await new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        const one = JSON.parse(line) as SaidOfPlace | { readonly type: 'started' }
        if (one.type === 'started') resolve()
        else said.push({ server, ...one })
      })
    })
    return running
  }
  // Either may rotate all that is due, and whoever looks first would: so that both are at work each has its half.
  const first = await start(
    0,
    names.filter((_, at) => at % 2 === 0),
  )
  const second = await start(
    1,
    names.filter((_, at) => at % 2 === 1),
  )
  const ask = (all: readonly string[]) => Promise.all(all.map((name) => store.rotations.ask(name, { id: newId('rot'), kind: 'rotate' })))
  const areSwitched = async (all: readonly string[]): Promise<boolean> => {
    const journals = await Promise.all(all.map((name) => journalOf(store, name)))
    return journals.every((journal) => journal?.version === 2)
  }
  const [some, others] = [names.slice(0, identities / 2), names.slice(identities / 2)]

  await ask(some)
  await eventually(() => areSwitched(some), 120_000)
  expect(new Set(said.map(({ server }) => server))).toEqual(new Set([0, 1]))
  expect(mostAtOnce(said)).toBeGreaterThan(1)
  const before = said.length

  await ask(others)
  await eventually(async () => said.slice(before).some(({ server, type }) => server === 0 && type === 'held'))
  first.kill('SIGKILL')
  const third = await start(2, names)
  await eventually(() => areSwitched(others), 120_000)
  expect(said.some(({ server }) => server === 2)).toBe(true)
  expect(mostAtOnce(said)).toBeLessThanOrEqual(most)

  for (const server of [second, third]) {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  await store.close()
  await redis.stop()
})
