import { readFile, writeFile } from 'node:fs/promises'
import Dockerode from 'dockerode'
import { type Client, createClient } from '../../src/client/http.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { startCluster } from '../../src/sandbox/cluster.ts'
import type { Docker } from '../../src/sandbox/docker.ts'
import { type ProcessOptions, startServerProcess, startWorkerProcess, type TelpherProcess } from '../../src/sandbox/processes.ts'
import { type Redis, startRedis } from '../../src/sandbox/redis.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { runCli } from '../support/cli.ts'
import { type Cuttable, cuttable } from './cuttable.ts'
import { serverCount, workerCount } from './plan.ts'

export const namespace = 'chaos'
const target = 'chaos'
const home = 'telpher'

/** Two servers and four workers over a Redis, an engine and a control plane of their own, every one of which may be broken. */
export interface Installation {
  readonly redis: Redis
  readonly cluster: Cluster
  readonly docker: Dockerode
  /** Every worker has a way of its own to Redis. */
  readonly ways: readonly Cuttable[]
  /** The only way from workers to the API server. */
  readonly targetWay: Cuttable
  worker(index: number): TelpherProcess
  /** Starts a worker again that has ended. */
  startWorker(index: number): void
  server(index: number): TelpherProcess
  startServer(index: number): Promise<void>
  /** Asks one server, and the other when it does not answer, until one does. */
  ask<T>(work: (client: Client) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/** @param dir an empty folder  @param docker is left running */
export const startInstallation = async (dir: string, docker: Pick<Docker, 'socketPath'>): Promise<Installation> => {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last().catch(() => {})
  }
  try {
    const redis = await startRedis({ dir: `${dir}/redis`, temporary: true, config: { appendfsync: 'always' } })
    stops.push(() => redis.stop())
    const cluster = await startCluster({ dir: `${dir}/kubernetes`, node: 'kwok', audit: true, temporary: true })
    stops.push(() => cluster.stop())
    const common: ProcessOptions = {
      dir: `${dir}/server-0`,
      redisUrl: redis.url,
      dockerSocket: docker.socketPath,
      shimPath: await shimPath(),
      env: { TELPHER_CONCURRENCY: '2', TELPHER_WARM_CONTAINERS: '1', TELPHER_POOL: 'default' },
    }
    const shared = { TELPHER_KEY_FILE: `${dir}/server-0/master.key`, TELPHER_TOKEN_FILE: `${dir}/server-0/token` }
    const optionsOf = (index: number): ProcessOptions => ({ ...common, dir: `${dir}/server-${index}`, env: { ...common.env, ...shared } })
    const servers = [await startServerProcess(optionsOf(0))]
    stops.push(() => Promise.all(servers.map((server) => server.stop(2000))))
    for (let index = 1; index < serverCount; index++) servers.push(await startServerProcess(optionsOf(index)))
    const ways = await Promise.all(Array.from({ length: workerCount }, () => cuttable(redis.port)))
    const targetWay = await cuttable(Number(new URL(cluster.server).port))
    stops.push(() => Promise.all([...ways, targetWay].map((way) => way.close())))
    const workers: TelpherProcess[] = []
    stops.push(() => Promise.all(workers.map((worker) => worker.stop(5000))))
    const startWorker = (index: number): void => {
      const redisUrl = `redis://127.0.0.1:${ways[index]?.port}`
      workers[index] = startWorkerProcess({ ...common, redisUrl, env: { ...common.env, ...shared } }, `worker-${index}`)
    }
    for (let index = 0; index < workerCount; index++) startWorker(index)

    const token = new Secret((await readFile(shared.TELPHER_TOKEN_FILE, 'utf8')).trim())
    let turn = 0
    const ask: Installation['ask'] = async (work) => {
      for (const end = performance.now() + 90_000; ; turn++) {
        const client = createClient(servers[turn % serverCount]?.url ?? '', token)
        try {
          return await work(client)
        } catch (thrown) {
          const isAway = (thrown as { retryable?: boolean }).retryable === true
          if (!isAway || performance.now() > end) throw thrown
        }
      }
    }
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const kubeconfig = (await readFile(cluster.kubeconfig, 'utf8')).replaceAll(cluster.server, `https://127.0.0.1:${targetWay.port}`)
    await writeFile(`${dir}/kubeconfig`, kubeconfig, { mode: 0o600 })
    const added = await runCli({ server: servers[0] as (typeof servers)[number] }, [
      'target',
      'add',
      target,
      '--from-kubeconfig',
      'local',
      '--file',
      `${dir}/kubeconfig`,
      '--namespace',
      namespace,
      '--home',
      home,
      '--settle',
      '0',
      '--yes',
    ])
    if (added.code !== 0) throw new Error(added.stderr)
    return {
      redis,
      cluster,
      docker: new Dockerode({ socketPath: docker.socketPath }),
      ways,
      targetWay,
      worker: (index) => workers[index] as TelpherProcess,
      startWorker,
      server: (index) => servers[index] as TelpherProcess,
      startServer: async (index) => {
        const port = Number(new URL(servers[index]?.url ?? '').port)
        servers[index] = await startServerProcess(optionsOf(index), port)
      },
      ask,
      stop,
    }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

/** What is left behind once nothing runs: containers of workers that are dead, Secrets of attempts, locks and places. */
export const orphansOf = async ({ redis, cluster, docker, ask }: Installation): Promise<string[]> => {
  const installation = (await redis.command('GET', 'tel:{installation}')).split('\r\n')[1] ?? ''
  const [{ workers, now }, containers, secrets, keys] = await Promise.all([
    ask((client) => client.workers()),
    docker.listContainers({ all: true, filters: { label: [`telpher.installation=${installation}`] } }),
    cluster.api('GET', `/api/v1/namespaces/${home}/secrets?labelSelector=telpher.dev/attempt`),
    redis.command('KEYS', 'tel:{[cr][lo]*'),
  ])
  const alive = new Set(workers.filter(({ seenAt }) => now - seenAt < 10_000).map(({ id }) => id))
  return [
    ...containers.filter(({ Labels }) => !alive.has(Labels['telpher.worker'] ?? '')).map(({ Id }) => `container ${Id.slice(0, 12)}`),
    ...(JSON.parse(secrets.body) as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => `Secret ${metadata.name}`),
    ...keys
      .split('\r\n')
      .filter((line) => /^tel:\{(cluster|room):/.test(line))
      .map((key) => `key ${key}`),
  ]
}
