import { type Redis, slotCount, startRedis } from './redis.ts'

/** A Redis Cluster of several masters. */
export interface ClusterRedis {
  /** `redis+cluster://` with the masters. */
  readonly url: string
  readonly masters: readonly Redis[]
  /** One for each master in its order, or none. */
  readonly replicas: readonly Redis[]
  /** One command, sent on to the master that has its key. @returns the raw answer (RESP) */
  command(...words: string[]): Promise<string>
  stop(): Promise<void>
}

const until = async (what: string, holds: () => Promise<boolean>, limitMs = 30_000): Promise<void> => {
  for (const end = performance.now() + limitMs; performance.now() < end; ) {
    if (await holds().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} within ${limitMs / 1000} s`)
}

const wordOf = (answer: string): string => /^\$\d+\r\n(\S+)/.exec(answer)?.[1] ?? ''

/**
 * Starts a cluster of masters that share the slots evenly.
 * @param options.dir folder of their state folders
 * @param options.replicas whether each has one
 * @param options.nodeMs how long a node is silent before a replica takes its place, in ms
 * @param options.config more settings of each
 */
export const startClusterRedis = async (options: {
  readonly dir: string
  readonly masters?: number
  readonly replicas?: boolean
  readonly nodeMs?: number
  readonly config?: Readonly<Record<string, string>>
  readonly temporary?: boolean
}): Promise<ClusterRedis> => {
  const { dir, masters: count = 3, nodeMs = 1000, temporary = false } = options
  const config = { 'cluster-node-timeout': String(nodeMs), 'repl-diskless-sync-delay': '0', ...options.config }
  const masters: Redis[] = []
  const replicas: Redis[] = []
  const stop = async (): Promise<void> => {
    await Promise.all([...masters, ...replicas].map((node) => node.stop()))
  }
  try {
    for (let index = 0; index < count; index++) {
      const share = (part: number): number => Math.floor((part * slotCount) / count)
      const slots = [share(index), share(index + 1) - 1] as const
      masters.push(await startRedis({ dir: `${dir}/${index}`, temporary, config, slots }))
    }
    if (options.replicas === true)
      for (let index = 0; index < count; index++)
        replicas.push(await startRedis({ dir: `${dir}/${index}-replica`, temporary, config, slots: 'none' }))
    const all = [...masters, ...replicas]
    for (const [index, node] of all.entries()) await node.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    const [first] = masters
    for (const node of all.slice(1)) await first?.command('CLUSTER', 'MEET', '127.0.0.1', String(node.port))
    const knows = async (node: Redis, line: string): Promise<boolean> => (await node.command('CLUSTER', 'INFO')).includes(line)
    const allKnow = async (line: string): Promise<boolean> => (await Promise.all(all.map((node) => knows(node, line)))).every(Boolean)
    await until('the nodes do not know one another', () => allKnow(`cluster_known_nodes:${all.length}`))
    for (const [index, replica] of replicas.entries()) {
      const master = masters[index]
      if (master === undefined) continue
      const id = wordOf(await master.command('CLUSTER', 'MYID'))
      await until('a replica does not follow', async () => (await replica.command('CLUSTER', 'REPLICATE', id)).startsWith('+OK'))
    }
    await until('the cluster is not whole', () => allKnow('cluster_state:ok'))
    for (const replica of replicas)
      await until('a replica has no link', async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replicas,
    command: async (...words) => {
      const [first] = masters
      const answer = (await first?.command(...words)) ?? ''
      const moved = /^-MOVED \d+ [^:]*:(\d+)/.exec(answer)?.[1]
      const to = [...masters, ...replicas].find(({ port }) => String(port) === moved)
      return to === undefined ? answer : to.command(...words)
    },
    stop,
  }
}
