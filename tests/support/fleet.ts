import { readToken } from '../../src/client/endpoint.ts'
import { type Client, createClient } from '../../src/client/http.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { type ProcessOptions, startServerProcess, startWorkerProcess, type TelpherProcess } from '../../src/sandbox/processes.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { runCli } from './cli.ts'
import { eventually } from './eventually.ts'

/** Servers and workers that can be restarted one by one, over parts that are left running. */
export interface Fleet {
  /** A target that may write to the namespace of its name. */
  readonly target: string
  readonly workers: number
  readonly servers: number
  /** Asks one server, and the next one when it does not answer. */
  ask<T>(work: (client: Client) => Promise<T>): Promise<T>
  /** Ends a worker as an orchestrator does, starts it again and waits until it takes work. @returns seconds that its end took */
  restartWorker(index: number): Promise<number>
  restartServer(index: number): Promise<void>
  stop(): Promise<void>
}

export interface FleetOptions {
  /** An empty folder. */
  readonly dir: string
  readonly redisUrl: string
  readonly cluster: Cluster
  readonly dockerSocket: string
  readonly workers: number
  readonly servers: number
  /** More TELPHER_ variables. */
  readonly env?: Readonly<Record<string, string>>
}

/** A server that says nothing more is given up after this, in ms. */
const awayMs = 60_000

export const startFleet = async (options: FleetOptions): Promise<Fleet> => {
  const { dir, redisUrl, cluster, dockerSocket, env } = options
  const target = 'rolling'
  const common = async (index: number): Promise<ProcessOptions> => ({
    dir: `${dir}/server-${index}`,
    redisUrl,
    dockerSocket,
    shimPath: await shimPath(),
    env: {
      TELPHER_KEY_FILE: `${dir}/server-0/master.key`,
      TELPHER_TOKEN_FILE: `${dir}/server-0/token`,
      TELPHER_POOL_KEY_FILE: `${dir}/server-0/pool.key`,
      ...env,
    },
  })
  const workers: TelpherProcess[] = []
  const servers: Awaited<ReturnType<typeof startServerProcess>>[] = []
  const startWorker = async (index: number): Promise<void> => {
    workers[index] = startWorkerProcess(await common(0), `worker-${index}`)
  }
  const startServer = async (index: number): Promise<void> => {
    const port = servers[index] === undefined ? 0 : Number(new URL(servers[index].url).port)
    servers[index] = await startServerProcess(await common(index), port)
  }
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop(5000)))
    await Promise.all(servers.map((server) => server.stop(2000)))
  }
  let turn = 0
  const ask: Fleet['ask'] = async (work) => {
    for (const end = performance.now() + awayMs; ; turn++) {
      const server = servers[turn % servers.length]
      try {
        return await work(createClient(server?.url ?? '', await readToken(`${dir}/server-0/token`)))
      } catch (thrown) {
        if ((thrown as { retryable?: boolean }).retryable !== true || performance.now() > end) throw thrown
      }
    }
  }
  /** @param since ms since the epoch */
  const takesWork = (index: number, since: number): Promise<unknown> =>
    eventually(async () => {
      const { workers: seen } = await ask((client) => client.workers())
      return seen.some(({ name, startedAt, state }) => name === `worker-${index}` && startedAt >= since && state !== 'draining')
    }, 120_000)
  try {
    for (let index = 0; index < options.servers; index++) await startServer(index)
    const since = Date.now()
    for (let index = 0; index < options.workers; index++) await startWorker(index)
    for (let index = 0; index < options.workers; index++) await takesWork(index, since)
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: target } })
    const place = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig, '--mode', 'client-certificate', '--namespace', target]
    const added = await runCli({ server: servers[0] as (typeof servers)[number] }, ['target', 'add', target, ...place, '--settle', '0'])
    if (added.code !== 0) throw new Error(added.stderr)
  } catch (thrown) {
    await stop()
    throw thrown
  }
  return {
    target,
    workers: options.workers,
    servers: options.servers,
    ask,
    async restartWorker(index) {
      const asked = Date.now()
      workers[index]?.kill('SIGTERM')
      await workers[index]?.exited
      const seconds = (Date.now() - asked) / 1000
      const since = Date.now()
      await startWorker(index)
      await takesWork(index, since)
      return seconds
    },
    async restartServer(index) {
      servers[index]?.kill('SIGTERM')
      await servers[index]?.exited
      await startServer(index)
    },
    stop,
  }
}
