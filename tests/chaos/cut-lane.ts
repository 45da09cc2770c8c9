import { readFile, writeFile } from 'node:fs/promises'
import { readToken } from '../../src/client/endpoint.ts'
import { createClient } from '../../src/client/http.ts'
import { loadConfig } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import type { Executor } from '../../src/model/ports.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Endpoint } from '../../src/sandbox/processes.ts'
import { createExecutor } from '../../workers/executor.ts'
import { startWorker } from '../../workers/main.ts'
import { runCli } from '../support/cli.ts'
import { enrolWorkers } from '../support/enrol.ts'
import type { Stream } from './cut-points.ts'
import type { Place } from './cut-works.ts'
import { type Cuttable, type Cutter, createCutter, cuttable, cuttableSocket, throughCutter } from './cuttable.ts'

/** What the lanes share. */
export interface Ground {
  /** An empty folder with a short path. */
  readonly dir: string
  readonly cluster: Cluster
  readonly server: Endpoint
  readonly redisPort: number
  readonly shimPath: string
  readonly dockerSocket: string
}

/** One worker with a pool, a target and ways of its own: what is cut in it is nobody else's. */
export interface Lane {
  readonly target: string
  readonly place: Place
  readonly cutters: Readonly<Partial<Record<Stream, Cutter>>>
  stop(): Promise<void>
}

/** `process`: the shim as a plain process, which costs little. `door`, `attach`: real containers, by either of the two tethers. */
export type LaneKind = 'process' | 'door' | 'attach'

/** An executor whose containers' streams lead through the cutter. */
const throughTether = (executor: Executor, cutter: Cutter, path: string): Executor => {
  let made = 0
  return {
    ...executor,
    start: async (spec, signal) => {
      const container = await executor.start(spec, signal)
      return { ...container, stream: await throughCutter(container.stream, cutter, `${path}-${++made}`) }
    },
  }
}

const addTarget = async ({ dir, cluster, server }: Ground, name: string, place: Place, way: Cuttable, kind: LaneKind): Promise<void> => {
  for (const namespace of [place.namespace, place.noPods])
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  const quota = { metadata: { name: 'none', namespace: place.noPods }, spec: { hard: { pods: '0' } } }
  await cluster.apply({ apiVersion: 'v1', kind: 'ResourceQuota', ...quota })
  const kubeconfig = `${dir}/${name}.kubeconfig`
  const text = (await readFile(cluster.kubeconfig, 'utf8')).replaceAll(cluster.server, `https://127.0.0.1:${way.port}`)
  await writeFile(kubeconfig, text, { mode: 0o600 })
  const added = await runCli({ server }, [
    ...['target', 'add', name, '--from-kubeconfig', 'local', '--file', kubeconfig, '--pool', name],
    ...['--namespace', place.namespace, '--namespace', place.noPods, '--settle', '0'],
    // Real containers with tokens of their own, the cheap ones with the account itself: both are cut.
    ...(kind === 'process' ? ['--mode', 'client-certificate', '--trials'] : ['--home', `home-${name}`, '--yes']),
  ])
  if (added.code !== 0) throw new Error(added.stderr)
}

export const startLane = async (ground: Ground, index: number, kind: LaneKind): Promise<Lane> => {
  const { dir, server, redisPort } = ground
  const name = `lane-${index}`
  const place = { namespace: `cut-${index}`, noPods: `cut-${index}-no-pods` }
  const [redis, target] = [await cuttable(redisPort), await cuttable(Number(new URL(ground.cluster.server).port))]
  const engine = kind === 'process' ? undefined : await cuttableSocket(ground.dockerSocket, `${dir}/${index}.sock`)
  const tether = createCutter()
  const config = loadConfig({
    TELPHER_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
    TELPHER_DATA_DIR: `${dir}/${index}`,
    TELPHER_POOL_KEY_FILE: await enrolWorkers(createClient(server.url, await readToken(server.tokenFile)), name, dir),
    TELPHER_POOL: name,
    TELPHER_WORKER_NAME: name,
    TELPHER_CONCURRENCY: '1',
    TELPHER_WARM_CONTAINERS: '0',
    TELPHER_EXECUTOR: kind === 'process' ? 'process' : 'docker',
    TELPHER_SHIM: ground.shimPath,
    TELPHER_TARGET_NETWORKS: '127.0.0.0/8',
    TELPHER_DOCKER_SOCKET: `${dir}/${index}.sock`,
  })
  const open = async (given: typeof config): Promise<Executor> => {
    // With a path too long for sockets there are no doors, and the tether is the engine's stream.
    const asked = kind === 'attach' ? { ...given, dataDir: `${dir}/${'long'.repeat(27)}` } : given
    return throughTether(await createExecutor(asked), tether, `${dir}/${index}-tether`)
  }
  const worker = await startWorker(config, createLog('error', { lane: index }), open)
  await addTarget(ground, name, place, target, kind)
  return {
    target: name,
    place,
    cutters: {
      tether,
      target: target.cutter,
      'worker-redis': redis.cutter,
      ...(engine === undefined ? {} : { engine: engine.cutter }),
    },
    stop: async () => {
      await worker.drain()
      await Promise.all([redis, target, ...(engine === undefined ? [] : [engine])].map((way) => way.close()))
    },
  }
}
