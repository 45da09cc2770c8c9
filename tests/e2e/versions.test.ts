import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readToken } from '../../src/client/endpoint.ts'
import { type Client, createClient } from '../../src/client/http.ts'
import { type LocalStep, packLocal } from '../../src/client/pack.ts'
import { runOf } from '../../src/client/run.ts'
import { type Endpoint, startServerProcess, startWorkerProcess, type TelpherProcess } from '../../src/sandbox/processes.ts'
import { scaleWorkers } from '../../src/sandbox/scaling.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { schemaVersion } from '../../src/store/schema.ts'
import { version } from '../../src/version.ts'
import { type CliResult, runCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { makeNextVersion, type NextVersion } from '../support/next-version.ts'
import { type OwnRedis, startOwnRedis } from '../support/ownredis.ts'
import { sharedCluster } from '../support/sandbox.ts'

/** Long enough for a machine that is busy with other tests. */
const patienceMs = 120_000

let dir: string
let redis: OwnRedis
let next: NextVersion
let ownShim: string
let servers: { readonly own: TelpherProcess & Endpoint; readonly next: TelpherProcess & Endpoint }
/** What workers are started with from now on. */
let workersAre: { readonly cli?: string; readonly shim: string }
const processes: TelpherProcess[] = []
const stops: (() => Promise<unknown>)[] = []

const options = (shim: string, cli: string | undefined, name: string) => ({
  dir: join(dir, name),
  redisUrl: redis.url,
  dockerSocket: '/nonexistent/docker.sock',
  shimPath: shim,
  ...(cli === undefined ? {} : { cli }),
  env: {
    TELPHER_KEY_FILE: join(dir, 'own/master.key'),
    TELPHER_TOKEN_FILE: join(dir, 'own/token'),
    TELPHER_POOL_KEY_FILE: join(dir, 'own/pool.key'),
    TELPHER_EXECUTOR: 'process',
    TELPHER_CONCURRENCY: '2',
    TELPHER_WARM_CONTAINERS: '1',
    TMPDIR: dir,
  },
})
const startServer = async (name: 'own' | 'next', port = 0): Promise<TelpherProcess & Endpoint> => {
  const server = await startServerProcess(options(ownShim, name === 'next' ? next.cli : undefined, name), port)
  processes.push(server)
  return server
}
const addWorker = (name: string): TelpherProcess => {
  const worker = startWorkerProcess(options(workersAre.shim, workersAre.cli, 'workers'), name)
  processes.push(worker)
  return worker
}
const clientOf = async ({ url, tokenFile }: Endpoint): Promise<Client> => createClient(url, await readToken(tokenFile))
const cli = (server: Endpoint, ...args: string[]): Promise<CliResult> => runCli({ server }, args)
const workers = async () => (await (await clientOf(servers.next)).workers()).workers
const taking = (wanted: string, count: number) =>
  eventually(
    async () => (await workers()).filter((worker) => worker.version === wanted && worker.state !== 'draining').length >= count,
    patienceMs,
  )

const map = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { a: b }\n`
let count = 0
/** Starts a deployment of one step. @returns follows it to its end */
const begin = async (server: Endpoint, kind: 'apply' | 'helm') => {
  const name = `${kind}-${++count}`
  const folder = join(dir, name)
  const files =
    kind === 'apply'
      ? { 'map.yaml': map(name) }
      : { 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`, 'templates/map.yaml': map(name) }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
  const given: LocalStep = { path: folder, name, ...(kind === 'helm' ? { helm: { release: name } } : {}) }
  const { step, bytes, sha256 } = await packLocal(given, '/')
  const client = await clientOf(server)
  await client.uploadPackage(bytes, sha256)
  const { deployment } = await client.deploy({ steps: [step], targets: ['versions'] }, randomUUID())
  return {
    id: deployment.id,
    kind,
    client,
    async ended() {
      const { result, jobs } = await runOf(client, deployment.id).result({ timeoutMs: patienceMs })
      const began = (await client.history(deployment.id)).findLast((event) => event.type === 'job' && event.to === 'preparing')
      return {
        id: deployment.id,
        kind,
        result,
        job: jobs[0],
        worker: began?.type === 'job' ? began.worker : undefined,
        sentence: jobs[0]?.end?.sentence,
      }
    },
  }
}
const all = async (...given: readonly (readonly [Endpoint, 'apply' | 'helm'])[]) =>
  Promise.all(given.map(async ([server, kind]) => (await begin(server, kind)).ended()))
const expectWell = (ended: Awaited<ReturnType<typeof all>>): void =>
  expect(ended.map(({ kind, result, job, sentence }) => [kind, result, job?.attempt, sentence])).toEqual(
    ended.map(({ kind, sentence }) => [kind, 'success', 1, sentence]),
  )

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-versions-'))
  const [cluster, shim, made] = await Promise.all([sharedCluster('none'), shimPath(), makeNextVersion(join(dir, 'checkout'))])
  redis = await startOwnRedis()
  ownShim = shim
  next = made
  const own = await startServer('own')
  servers = { own, next: await startServer('next') }
  // The two shims at the same time: an older worker with the newer one as well.
  workersAre = { shim: next.shim }
  stops.push(await scaleWorkers({ server: servers.next, addWorker }, { min: 2, max: 2 }))
  await taking(version, 2)
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'versions' } })
  const place = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig, '--mode', 'client-certificate', '--namespace', 'versions']
  const added = await cli(own, 'target', 'add', 'versions', ...place, '--settle', '0', '--trials')
  expect(added, added.stderr).toMatchObject({ code: 0 })
}, 240_000)
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
  await Promise.all(processes.map((one) => one.stop(5000)))
  await redis.stop()
  await rm(dir, { recursive: true, force: true })
})

test('the next server has taken the data on, and this one goes on beside it and starts again', async () => {
  expect(await redis.ask('GET', 'tel:{schema}:version')).toEqual([String(schemaVersion + 1)])
  expectWell(await all([servers.own, 'apply'], [servers.next, 'apply']))
  servers.own.kill('SIGTERM')
  expect(await servers.own.exited).toBe(0)
  servers = { ...servers, own: await startServer('own', Number(new URL(servers.own.url).port)) }
  expectWell(await all([servers.own, 'apply'], [servers.own, 'helm']))
}, 240_000)

test('what only newer workers understand waits for one, and says so; it is no attempt, and others pass it by', async () => {
  const waiting = await begin(servers.next, 'helm')
  const said = await eventually(async () => (await waiting.client.deployment(waiting.id)).jobs[0]?.waitsFor, patienceMs)
  expect(said).toMatch(
    new RegExp(
      `^no worker in pool default is new enough for it: replace scaled-[12] \\(${version}\\), scaled-[12] \\(${version}\\) by newer ones$`,
    ),
  )
  const status = await cli(servers.own, 'status', waiting.id)
  expect(status.stdout).toContain('is new enough for it')
  expectWell(await all([servers.own, 'apply'], [servers.next, 'apply'], [servers.own, 'helm']))
  expect((await waiting.client.deployment(waiting.id)).jobs[0]).toMatchObject({ attempt: 0 })

  // A newer worker with the older shim.
  workersAre = { cli: next.cli, shim: ownShim }
  await (await clientOf(servers.next)).changePool('default', { scaling: { min: 3, max: 3 } })
  const ended = await waiting.ended()
  expectWell([ended])
  expect((await workers()).find(({ id }) => id === ended.worker)?.version).toBe(next.version)
}, 240_000)

test('under load newer jobs are done by newer workers alone and older ones by both, whoever took them; worker list says who is outdated', async () => {
  const doneBy = { apply: new Set<string>(), helm: new Set<string>() }
  const versions = new Map((await workers()).map((worker) => [worker.id, worker.version]))
  for (let round = 0; round < 10 && (round < 2 || doneBy.apply.size < 2); round++) {
    const apply = [
      [servers.own, 'apply'],
      [servers.next, 'apply'],
      [servers.own, 'apply'],
      [servers.next, 'apply'],
    ] as const
    const ended = await all(...apply, [servers.next, 'helm'], [servers.next, 'helm'])
    expectWell(ended)
    for (const { kind, worker } of ended) doneBy[kind].add(versions.get(worker ?? '') ?? 'unknown')
  }
  expect([[...doneBy.apply].sort(), [...doneBy.helm]]).toEqual([[version, next.version], [next.version]])
  const { stdout } = await cli(servers.next, 'worker', 'list')
  const rows = stdout.split('\n').filter((line) => line.startsWith('scaled-'))
  expect(rows.map((row) => [row.includes(version), row.includes('(outdated)')]).sort()).toEqual([
    [false, false],
    [true, true],
    [true, true],
  ])
  expect((await cli(servers.own, 'worker', 'list')).stdout).not.toContain('(outdated)')
}, 240_000)

test('what the next version keeps in a job outlives servers and workers that do not know it', async () => {
  const ended = await (await begin(servers.next, 'apply')).ended()
  const [stored = '{}'] = await redis.ask('HGET', `tel:{${ended.id}}:jobs`, ended.job?.jobId ?? '')
  expect(JSON.parse(stored)).toMatchObject({ status: 'succeeded', later: 'job' })
}, 240_000)

test('a rollout takes the pool to the next version under load, without a deployment that fails', async () => {
  workersAre = { cli: next.cli, shim: next.shim }
  let isRolling = true
  const load = async (server: Endpoint): Promise<void> => {
    while (isRolling) expectWell(await all([server, 'apply'], [servers.next, 'helm']))
  }
  const loads = Promise.all([load(servers.own), load(servers.next)])
  const rolled = await cli(servers.next, 'worker', 'rollout', '--timeout', '2m', '-o', 'json').finally(() => {
    isRolling = false
  })
  await loads
  expect(rolled, rolled.stderr).toMatchObject({ code: 0 })
  const replaced = JSON.parse(rolled.stdout) as { from: string; version: string }[]
  expect(replaced.map(({ from }) => from).sort()).toEqual([version, version, next.version])
  expect(replaced.map((one) => one.version)).toEqual([next.version, next.version, next.version])
  expect((await cli(servers.next, 'worker', 'list')).stdout).not.toContain('(outdated)')
}, 240_000)
