import Dockerode from 'dockerode'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../src/store/index.ts'
import { type Cancelled, type CancelScene, cancelAt, cancelPoints, usualTimes } from '../support/cancels.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf } from '../support/running.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'

/** SOAK_CANCELS makes it long, SOAK_SEED runs a failure again. */
const count = Number(process.env['SOAK_CANCELS'] ?? 12)
const seed = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const lanes = 4

let e2e: E2e & { stop(): Promise<void> }
beforeAll(async () => {
  e2e = await startE2e({ workers: 2, cluster: await sharedCluster('none') })
})
afterAll(() => e2e?.stop())

interface Secrets {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> } }[]
}

const secretsIn = async (namespace: string, selector = ''): Promise<Secrets['items']> => {
  const { body } = await e2e.cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=${encodeURIComponent(selector)}`)
  return (JSON.parse(body) as Secrets).items
}

/** A target whose attempts have tokens of their own, bound to Secrets in `home`. */
const placeWithTokens = async (): Promise<CancelScene & { readonly home: string }> => {
  const namespace = await freshNamespace(e2e.cluster)
  const home = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', e2e.cluster.kubeconfig]
  const added = await e2e.cli('target', 'add', home, ...context, '--namespace', namespace, '--home', home, '--yes')
  expect(added, added.stderr).toMatchObject({ code: 0 })
  return { e2e, client: await clientOf(e2e), namespace, target: home, home }
}

const countBy = (words: readonly string[]): Record<string, number> =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]))

/** Nothing of what was cancelled is left: not in the cluster, not in the store, not on the engine. */
const expectNothingLeft = async ({ namespace, home, client }: CancelScene & { readonly home: string }, all: readonly Cancelled[]) => {
  const records = await secretsIn(namespace, 'owner=helm')
  expect(
    records.filter(({ metadata }) => metadata.labels?.['status']?.startsWith('pending-')).map(({ metadata }) => metadata.name),
  ).toEqual([])
  await eventually(async () => (await secretsIn(home)).every(({ metadata }) => metadata.name === `bootstrap-${home}`), 90_000)
  const store = await openStore({ url: e2e.stack.redis.url, clientName: 'test' })
  try {
    await eventually(async () => (await store.deployments.active()).length === 0)
    for (const job of all.flatMap(({ detail }) => detail.jobs)) {
      const { holder, queue } = await store.locks.get(job.lock)
      expect({ holder, queue }, job.lock.subject).toEqual({ holder: undefined, queue: [] })
    }
  } finally {
    await store.close()
  }
  const { workers } = await client.workers()
  await eventually(async () => (await client.workers()).workers.every(({ attempts }) => attempts.length === 0))
  await Promise.all(e2e.stack.workers.map((worker) => worker.stop()))
  const engine = new Dockerode({ socketPath: e2e.stack.docker.socketPath })
  const containers = await engine.listContainers({ all: true, filters: { label: ['telpher.worker'] } })
  const ids = new Set(workers.map(({ id }) => id))
  expect(containers.filter(({ Labels }) => ids.has(Labels['telpher.worker'] ?? '')).map(({ Status }) => Status)).toEqual([])
}

test(
  `${count} deployments are cancelled at points of chance, and nothing is left`,
  async () => {
    const scene = await placeWithTokens()
    const usualMs = await usualTimes(scene)
    const waiting = cancelPoints(seed, count).entries()
    const cancelled: Cancelled[] = []
    const lane = async (): Promise<void> => {
      for (const [index, point] of waiting) cancelled.push(await cancelAt(scene, point, `cancelled-${index}`, usualMs))
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    const found = countBy(cancelled.map((one) => one.found))
    const results = countBy(cancelled.map(({ detail }) => detail.deployment.result ?? ''))
    console.info(JSON.stringify({ cancels: cancelled.length, seed, usualMs, found, results }))
    expect(
      cancelled.flatMap(({ wrong, found: state }) => (wrong === undefined ? [] : `${wrong} (cancelled while ${state})`)),
      `SOAK_SEED=${seed}`,
    ).toEqual([])
    // Otherwise little was tried.
    for (const state of ['pending', 'running', 'verifying', 'pending-']) expect(Object.keys(found).join('; ')).toContain(state)
    await expectNothingLeft(scene, cancelled)
  },
  Math.max(300, count * 15) * 1000,
)
