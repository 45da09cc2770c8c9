import { startRedis } from '../../src/sandbox/redis.ts'
import { startClusterRedis } from '../../src/sandbox/redis-cluster.ts'
import { startSentinelRedis } from '../../src/sandbox/redis-sentinel.ts'

/** How the Redis of a test run is set up. */
export type Topology = 'server' | 'sentinel' | 'cluster'

/** What TEST_REDIS says; one server when it says nothing. */
export const topology = (): Topology => {
  const named = process.env['TEST_REDIS'] ?? 'server'
  if (named !== 'server' && named !== 'sentinel' && named !== 'cluster') throw new Error(`TEST_REDIS=${named}: server, sentinel or cluster`)
  return named
}

/** A Redis of any set-up, of which all servers are stopped and started as one. */
export interface AnyRedis {
  readonly url: string
  /** To every server that serves. */
  kill(signal: NodeJS.Signals): Promise<void>
  restart(): Promise<void>
  /** One command, where its key lies; of a cluster, one about the server itself goes to each, and KEYS. @returns the raw answer (RESP) of the last; of KEYS those of all */
  command(...words: string[]): Promise<string>
  stop(): Promise<void>
}

/** Longer than any test keeps it away: a kill is a kill here, and no fail-over. */
const patienceMs = 120_000

/** Each answers with its own names, and with a farewell, of which one is kept. */
const everyName = /^KEYS$/i
const joined = (answers: readonly string[]): string =>
  answers.map((answer, index) => (index === answers.length - 1 ? answer : answer.replace(/\+OK\r\n$/, ''))).join('')

const aboutServer = /^(CONFIG|FLUSHALL|FLUSHDB|CLIENT|ACL|INFO|MEMORY|SCRIPT)$/i

/** @param dir folder of its state folders */
export const startAny = async (kind: Topology, dir: string, config: Readonly<Record<string, string>>): Promise<AnyRedis> => {
  if (kind === 'server') return startRedis({ dir, temporary: true, config })
  if (kind === 'sentinel') {
    const redis = await startSentinelRedis({ dir, temporary: true, config, downMs: patienceMs })
    const [master] = redis.nodes
    if (master === undefined) throw new Error('there is no master')
    return { url: redis.url, kill: master.kill, restart: master.restart, command: master.command, stop: redis.stop }
  }
  const redis = await startClusterRedis({ dir, temporary: true, config, nodeMs: patienceMs })
  return {
    url: redis.url,
    kill: async (signal) => {
      await Promise.all(redis.masters.map((master) => master.kill(signal)))
    },
    restart: async () => {
      await Promise.all(redis.masters.map((master) => master.restart()))
    },
    command: async (...words) => {
      const [name = ''] = words
      if (!aboutServer.test(name) && !everyName.test(name)) return redis.command(...words)
      const answers = await Promise.all(redis.masters.map((master) => master.command(...words)))
      return everyName.test(name) ? joined(answers) : (answers.at(-1) ?? '')
    },
    stop: redis.stop,
  }
}
