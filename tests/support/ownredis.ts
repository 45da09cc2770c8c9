import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMark } from './anyredis.ts'
import { startAny, topology } from './topology.ts'

/** A Redis of a test's own, that it may stop, kill and start again. */
export interface OwnRedis {
  readonly url: string
  /** kill -9; what was acknowledged is in the append-only file, for it is on the disk before the answer. */
  kill(): Promise<void>
  /** Starts it again on the same port with the same data; resolves when it serves. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT: connections stay, nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** One command; what it answers as lines, without the lengths and types of the protocol; of KEYS without marks (isMark). */
  ask(...words: string[]): Promise<string[]>
  stop(): Promise<void>
}

/** The values of a RESP answer that has no line breaks in its values; the last line is the answer to the farewell. */
export const valuesOf = (answer: string): string[] =>
  answer
    .split('\r\n')
    .slice(0, -2)
    .filter((line) => !/^[$*]-?\d+$/.test(line))
    .map((line) => line.replace(/^[:+]/, ''))

/**
 * Starts redis-server with an append-only file and cluster mode, owning all slots: it refuses scripts across slots. Or what TEST_REDIS says.
 * @param config more of its settings, such as `{ appendonly: 'no' }`
 */
export const startOwnRedis = async (config: Readonly<Record<string, string>> = {}): Promise<OwnRedis> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-redis-'))
  // Synced once a second, Redis puts its writes off while the disk is busy: a kill then takes what it had acknowledged.
  const redis = await startAny(topology(), dir, { appendfsync: 'always', ...config })
  return {
    url: redis.url,
    kill: () => redis.kill('SIGKILL'),
    start: redis.restart,
    freeze: () => redis.kill('SIGSTOP'),
    thaw: () => redis.kill('SIGCONT'),
    ask: async (...words) => valuesOf(await redis.command(...words)).filter((value) => words[0] !== 'KEYS' || !isMark(value)),
    stop: async () => {
      await redis.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
