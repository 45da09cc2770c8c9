import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import Dockerode from 'dockerode'
import { type Client, createClient } from '../../src/client/http.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { startCluster } from '../../src/sandbox/cluster.ts'
import { type Docker, ensureDocker } from '../../src/sandbox/docker.ts'
import { type ProcessOptions, startServerProcess, startWorkerProcess, type TelpherProcess } from '../../src/sandbox/processes.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { runCli } from '../support/cli.ts'
import { type Cuttable, cuttable, cuttableSocket } from './cuttable.ts'
import { createRoom, createTurns, type Room } from './exclusive.ts'
import { type FakeClock, fakeClock, faketimeLibrary } from './faketime.ts'
import { serverCount, workerCount } from './plan.ts'
import { type RedisPair, startRedisPair } from './redis-pair.ts'

/** Runs beside one another have targets of their own, each with a namespace of the same name. */
export const targetOf = (lane: number): string => `chaos-${lane}`
const home = 'telpher'
/** A server that was killed serves again after this at the latest, in ms. */
const serverStartsMs = 180_000

/** The engine of the installation, which may be broken. */
export type Engine = Pick<Docker, 'socketPath' | 'kill' | 'restart' | 'dataDir'>

/** Room for the execution image and some containers. */
const diskBytes = 400_000_000

/** An engine that may be killed, on a disk that may be filled. */
export const startEngine = (): Promise<Docker> => ensureDocker({ own: true, diskBytes })

/** Two servers and four workers over a Redis, an engine and a control plane of their own, every one of which may be broken. */
export interface Installation {
  readonly redis: RedisPair
  readonly engine: Engine
  readonly cluster: Cluster
  readonly docker: Dockerode
  /** Every worker has a way of its own to Redis, and every server. */
  readonly ways: readonly Cuttable[]
  readonly serverWays: readonly Cuttable[]
  readonly clocks: readonly FakeClock[]
  readonly serverClocks: readonly FakeClock[]
  /** Every worker's way to the engine. */
  readonly engineWays: readonly Cuttable[]
  /** The only way from workers to the API server. */
  readonly targetWay: Cuttable
  worker(index: number): TelpherProcess
  /** Starts a worker again that has ended. */
  startWorker(index: number): void
  server(index: number): TelpherProcess
  startServer(index: number): Promise<void>
  /** Asks one server, and the other when it does not answer, until one does. */
  ask<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** One fault of the same thing at a time. */
  readonly turn: ReturnType<typeof createTurns>
  /** Inside is who asks for something; alone is who loses what was asked for lately. */
  readonly asking: Room
  stop(): Promise<void>
}

/**
 * @param dir an empty folder, with a short path
 * @param engine is left running
 * @param lanes how many targets there are
 */
export const startInstallation = async (dir: string, engine: Engine, lanes = 1): Promise<Installation> => {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last().catch(() => {})
  }
  try {
    const redis = await startRedisPair(`${dir}/redis`)
    stops.push(() => redis.stop())
    const cluster = await startCluster({ dir: `${dir}/kubernetes`, node: 'kwok', audit: true, temporary: true })
    stops.push(() => cluster.stop())
    const common: ProcessOptions = {
      dir: `${dir}/server-0`,
      redisUrl: '',
      dockerSocket: engine.socketPath,
      shimPath: await shimPath(),
      env: { TELPHER_CONCURRENCY: '2', TELPHER_WARM_CONTAINERS: '1', TELPHER_POOL: 'default', TELPHER_MEMORY_MB: '256' },
    }
    const shared = { TELPHER_KEY_FILE: `${dir}/server-0/master.key`, TELPHER_TOKEN_FILE: `${dir}/server-0/token` }
    const enrolled = { TELPHER_POOL_KEY_FILE: `${dir}/server-0/pool.key` }
    const library = await faketimeLibrary()
    const clocksOf = (count: number, name: string): Promise<FakeClock[]> =>
      Promise.all(Array.from({ length: count }, (_, index) => fakeClock(library, `${dir}/${name}-${index}.time`)))
    const waysOf = (count: number): Promise<Cuttable[]> => Promise.all(Array.from({ length: count }, () => redis.way()))
    const [clocks, serverClocks] = [await clocksOf(workerCount, 'worker'), await clocksOf(serverCount, 'server')]
    const [ways, serverWays] = [await waysOf(workerCount), await waysOf(serverCount)]
    const engineWays = await Promise.all(
      Array.from({ length: workerCount }, (_, index) => cuttableSocket(engine.socketPath, `${dir}/engine-${index}.sock`)),
    )
    stops.push(() => Promise.all(engineWays.map((way) => way.close())))
    const over = (way: Cuttable | undefined): string => `redis://127.0.0.1:${way?.port}`
    const optionsOf = (index: number): ProcessOptions => ({
      ...common,
      dir: `${dir}/server-${index}`,
      redisUrl: over(serverWays[index]),
      env: { ...common.env, ...shared, ...serverClocks[index]?.env },
    })
    const servers = [await startServerProcess(optionsOf(0))]
    stops.push(() => Promise.all(servers.map((server) => server.stop(2000))))
    for (let index = 1; index < serverCount; index++) servers.push(await startServerProcess(optionsOf(index)))
    const targetWay = await cuttable(Number(new URL(cluster.server).port))
    stops.push(() => targetWay.close())
    const workers: TelpherProcess[] = []
    let isEnding = false
    stops.push(() => {
      isEnding = true
      return Promise.all(workers.map((worker) => worker.stop(5000)))
    })
    const startWorker = (index: number): void => {
      const env = { ...common.env, ...enrolled, ...clocks[index]?.env }
      const its = { redisUrl: over(ways[index]), dockerSocket: `${dir}/engine-${index}.sock` }
      const started = startWorkerProcess({ ...common, ...its, env }, `worker-${index}`)
      workers[index] = started
      // One that ends by itself, since it did not find Redis when it began, is started again, as an orchestrator does.
      void started.exited.then(async (code) => {
        await pause(1000)
        if (code !== null && !isEnding && workers[index] === started) startWorker(index)
      })
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
    const kubeconfig = (await readFile(cluster.kubeconfig, 'utf8')).replaceAll(cluster.server, `https://127.0.0.1:${targetWay.port}`)
    await writeFile(`${dir}/kubeconfig`, kubeconfig, { mode: 0o600 })
    const addTarget = async (lane: number): Promise<void> => {
      const name = targetOf(lane)
      await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
      const limits = ['--namespace', name, '--home', home, '--settle', '0', '--yes']
      const place = ['--from-kubeconfig', 'local', '--file', `${dir}/kubeconfig`]
      const added = await runCli({ server: servers[0] as (typeof servers)[number] }, ['target', 'add', targetOf(lane), ...place, ...limits])
      if (added.code !== 0) throw new Error(added.stderr)
    }
    for (let lane = 0; lane < lanes; lane++) await addTarget(lane)
    return {
      redis,
      engine,
      cluster,
      docker: new Dockerode({ socketPath: engine.socketPath }),
      ways,
      serverWays,
      clocks,
      serverClocks,
      engineWays,
      targetWay,
      worker: (index) => workers[index] as TelpherProcess,
      startWorker,
      server: (index) => servers[index] as TelpherProcess,
      startServer: async (index) => {
        const port = Number(new URL(servers[index]?.url ?? '').port)
        // As an orchestrator does: Redis may be away just when it begins.
        for (const end = performance.now() + serverStartsMs; ; await pause(1000)) {
          try {
            servers[index] = await startServerProcess(optionsOf(index), port)
            return
          } catch (thrown) {
            if (performance.now() > end) throw thrown
          }
        }
      },
      ask,
      turn: createTurns(),
      asking: createRoom(),
      stop,
    }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}

/** Who is in a lock or a place, for a key of one; what else a room has says nothing. */
const contentOf = async (redis: RedisPair, key: string): Promise<string> => {
  if (!/:(holders|queue)$|:lock:/.test(key)) return ''
  const answer = await (key.includes(':lock:') ? redis.command('GET', key) : redis.command('ZRANGE', key, '0', '-1'))
  return ` (${answer
    .split('\r\n')
    .filter((line) => !/^[*$]/.test(line))
    .join(' ')
    .trim()})`
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
    ...(await Promise.all(
      keys
        .split('\r\n')
        .filter((line) => /^tel:\{(cluster|room):/.test(line))
        .map(async (key) => `key ${key}${await contentOf(redis, key)}`),
    )),
  ]
}
