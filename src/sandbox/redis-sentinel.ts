import { mkdir, writeFile } from 'node:fs/promises'
import { type Child, startChild, untilReady } from './child.ts'
import { freePort } from './ports.ts'
import { askRedis, type Redis, redisProgram, startRedis } from './redis.ts'
import { claimState } from './state.ts'

/** A master with replicas, and the Sentinels that watch them. */
export interface SentinelRedis {
  /** `redis+sentinel://` with the Sentinels. */
  readonly url: string
  readonly sentinelPorts: readonly number[]
  /** The servers; the first was the master at the start. */
  readonly nodes: readonly Redis[]
  /** Who is the master, as most of the Sentinels say. */
  master(): Promise<Redis>
  /** Asks a Sentinel to put a replica in the master's place; resolves when another one serves. */
  failover(): Promise<void>
  stop(): Promise<void>
}

const masterName = 'telpher'

/** Replication needs servers without cluster mode. */
const alone = { 'cluster-enabled': 'no', 'repl-diskless-sync-delay': '0' }

const sentinelText = (port: number, dir: string, master: number, downMs: number): string =>
  [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${masterName} 127.0.0.1 ${master} 2`,
    `sentinel down-after-milliseconds ${masterName} ${downMs}`,
    `sentinel failover-timeout ${masterName} ${Math.min(3 * downMs, 60_000)}`,
    `sentinel parallel-syncs ${masterName} 1`,
    'set-proc-title no',
    '',
  ].join('\n')

const until = async (what: string, holds: () => Promise<boolean>, limitMs = 30_000): Promise<void> => {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} within ${limitMs / 1000} s`)
}

/**
 * Starts three Sentinels, a master and its replicas, each with an append-only file.
 * @param options.dir folder of their state folders
 * @param options.downMs how long a master is silent before the Sentinels put another in its place, in ms
 * @param options.config more settings of the servers
 */
export const startSentinelRedis = async (options: {
  readonly dir: string
  readonly replicas?: number
  readonly downMs?: number
  readonly config?: Readonly<Record<string, string>>
  readonly temporary?: boolean
}): Promise<SentinelRedis> => {
  const { dir, replicas = 1, downMs = 1000, temporary = false } = options
  const config = { ...alone, ...options.config }
  const nodes: Redis[] = []
  const sentinels: { readonly child: Child; readonly port: number; release(): void }[] = []
  const stop = async (): Promise<void> => {
    for (const { child } of sentinels) child.kill('SIGCONT')
    await Promise.all(sentinels.map(({ child }) => child.stop()))
    for (const { release } of sentinels) release()
    await Promise.all(nodes.map((node) => node.stop()))
  }
  const masterPort = async (): Promise<number> => {
    const votes = new Map<number, number>()
    for (const { port } of sentinels) {
      const answer = await askRedis(port, ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName]).catch(() => '')
      const named = Number(/\r\n\$\d+\r\n(\d+)\r\n/.exec(answer)?.[1])
      votes.set(named, (votes.get(named) ?? 0) + 1)
    }
    return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0
  }
  const master = async (): Promise<Redis> => {
    const port = await masterPort()
    const node = nodes.find((one) => one.port === port)
    if (node === undefined) throw new Error(`the Sentinels name no master of ours: ${port}`)
    return node
  }
  const serves = async (node: Redis): Promise<boolean> => (await node.command('ROLE')).includes('master')
  const startSentinel = async (index: number, first: Redis): Promise<void> => {
    const state = await claimState(`${dir}/sentinel-${index}`, { temporary })
    const port = await freePort()
    await mkdir(state.dir, { recursive: true })
    await writeFile(`${state.dir}/sentinel.conf`, sentinelText(port, state.dir, first.port, downMs))
    const child = startChild(state, { name: 'sentinel', file: redisProgram(), args: [`${state.dir}/sentinel.conf`, '--sentinel'] })
    sentinels.push({ child, port, release: () => state.release() })
    await untilReady(child, 10_000, async () => (await askRedis(port, ['PING'])).includes('PONG'))
  }
  try {
    const first = await startRedis({ dir: `${dir}/0`, temporary, config })
    nodes.push(first)
    for (let index = 1; index <= replicas; index++) {
      const node = await startRedis({ dir: `${dir}/${index}`, temporary, config: { ...config, replicaof: `127.0.0.1 ${first.port}` } })
      nodes.push(node)
    }
    for (let index = 0; index < 3; index++) await startSentinel(index, first)
    await until('the replicas do not follow', async () =>
      (await first.command('INFO', 'replication')).includes(`connected_slaves:${replicas}`),
    )
    await until('the Sentinels do not know one another', async () => {
      const answers = await Promise.all(sentinels.map(({ port }) => askRedis(port, ['SENTINEL', 'MASTER', masterName])))
      return answers.every((text) => text.includes(`num-other-sentinels\r\n$1\r\n2`) && text.includes(`num-slaves\r\n$1\r\n${replicas}`))
    })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${masterName}`,
    sentinelPorts: sentinels.map(({ port }) => port),
    nodes,
    master,
    failover: async () => {
      const before = await masterPort()
      await until('no Sentinel takes the fail-over', async () =>
        (await askRedis(sentinels[0]?.port ?? 0, ['SENTINEL', 'FAILOVER', masterName])).startsWith('+OK'),
      )
      await until('no replica took over', async () => (await masterPort()) !== before && serves(await master()))
    },
    stop,
  }
}
