import { rm } from 'node:fs/promises'
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts'
import { type Docker, ensureDocker } from './docker.ts'
import { type Endpoint, type ProcessOptions, startServerProcess, startWorkerProcess, type TelpherProcess } from './processes.ts'
import { type Redis, startRedis } from './redis.ts'
import { shimPath } from './setup.ts'
import { claimState } from './state.ts'
import { marker } from './sweep.ts'

export interface StackOptions {
  /** State folder; everything of the sandbox lies below it. */
  readonly dir: string
  readonly node: 'real' | 'kwok' | 'none'
  readonly workers: number
  /** Forgets what an earlier sandbox in this folder stored: targets, accounts, deployments. The cluster is always a new one. */
  readonly fresh?: boolean
  /** What the API server records, for tests that count it. */
  readonly audit?: ClusterOptions['audit']
  /** Port of the server; 0 for a free one. */
  readonly port?: number
  /** Parts that are there already and are left running at the end. */
  readonly docker?: Docker
  readonly cluster?: Cluster
  readonly redis?: Redis
  /** Addresses of it for each, where they differ from its own. */
  readonly addresses?: { readonly server: string; readonly worker: string }
  /** More TELPHER_ variables for server and workers. */
  readonly env?: Readonly<Record<string, string>>
  /** Says what is being started. */
  readonly onStage?: (stage: string) => void
}

/** Server, workers and what they stand on, each part its own process. */
export interface Stack {
  readonly dir: string
  readonly redis: Redis
  readonly docker: Docker
  readonly cluster: Cluster
  readonly server: TelpherProcess & Endpoint
  readonly workers: TelpherProcess[]
  /** Adds a worker process. @param env more TELPHER_ variables for it alone */
  addWorker(name: string, env?: Readonly<Record<string, string>>): TelpherProcess
  stop(): Promise<void>
}

/**
 * Brings up the whole chain.
 * @throws TelpherError when a part does not come up; what was started is stopped then
 */
export const startStack = async (options: StackOptions): Promise<Stack> => {
  const stage = options.onStage ?? (() => {})
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last().catch(() => {})
  }
  try {
    // Server and workers bear the folder's mark, so that they too are swept when this process is killed.
    const state = await claimState(options.dir)
    stops.push(async () => state.release())
    if (options.fresh === true)
      for (const old of ['redis', 'master.key', 'token', 'pool.key']) await rm(`${options.dir}/${old}`, { recursive: true, force: true })
    stage('Redis')
    const redis = options.redis ?? (await startRedis({ dir: `${options.dir}/redis` }))
    if (options.redis === undefined) stops.push(() => redis.stop())
    stage('Docker')
    const docker = options.docker ?? (await ensureDocker())
    if (options.docker === undefined) stops.push(() => docker.stop())
    stage('Kubernetes')
    const cluster =
      options.cluster ??
      (await startCluster({
        dir: `${options.dir}/kubernetes`,
        node: options.node,
        ...(options.audit === undefined ? {} : { audit: options.audit }),
      }))
    if (options.cluster === undefined) stops.push(() => cluster.stop())
    stage('server and worker')
    const common: ProcessOptions = {
      dir: options.dir,
      redisUrl: options.addresses?.server ?? redis.url,
      dockerSocket: docker.socketPath,
      shimPath: await shimPath(),
      env: { ...options.env, [marker]: state.id },
    }
    const server = await startServerProcess(common, options.port ?? 0)
    stops.push(() => server.stop())
    const workers: TelpherProcess[] = []
    const addWorker: Stack['addWorker'] = (name, env) => {
      const worker = startWorkerProcess(
        { ...common, redisUrl: options.addresses?.worker ?? redis.url, env: { ...common.env, ...env } },
        name,
      )
      workers.push(worker)
      stops.push(() => worker.stop(2000))
      return worker
    }
    for (let index = 1; index <= options.workers; index++) addWorker(`local-${index}`)
    return { dir: options.dir, redis, docker, cluster, server, workers, addWorker, stop }
  } catch (thrown) {
    await stop()
    throw thrown
  }
}
