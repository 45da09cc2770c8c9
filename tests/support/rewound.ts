import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startRedis } from '../../src/sandbox/redis.ts'

/** A Redis that can be taken back to what it was: as one that took over and never heard of the last writes. */
export interface RewoundRedis {
  readonly url: string
  /** Notes what there is now. */
  note(): Promise<void>
  /**
   * Takes keys back.
   * @param notes how many notes ago, 1 for the last one; at most nine
   * @param pattern of the keys: `*`, or those of a slot of a cluster of which another master serves
   */
  back(notes: number, pattern: string): Promise<void>
  keys(pattern: string): Promise<string[]>
  /** One command. @returns the raw answer (RESP) */
  command(...words: string[]): Promise<string>
  stop(): Promise<void>
}

const kept = 10

// ARGV: 1 database of the note
const noteScript = `
redis.call('SELECT', ARGV[1]) redis.call('FLUSHDB') redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end`

// ARGV: 1 database of the note  2 pattern
const backScript = `
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('DEL', key) end
redis.call('SELECT', ARGV[1])
for _, key in ipairs(redis.call('KEYS', ARGV[2])) do redis.call('COPY', key, key, 'DB', 0) end
redis.call('SELECT', 0)`

export const startRewoundRedis = async (): Promise<RewoundRedis> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-rewound-'))
  // A cluster has one database alone.
  const redis = await startRedis({ dir, temporary: true, config: { 'cluster-enabled': 'no', appendfsync: 'no' } })
  let notes = 0
  const run = async (...words: string[]): Promise<void> => {
    const answer = await redis.command('EVAL', ...words)
    if (answer.startsWith('-')) throw new Error(answer)
  }
  const databaseOf = (note: number): string => String(1 + (note % kept))
  return {
    url: redis.url,
    note: () => run(noteScript, '0', databaseOf(++notes)),
    back: (ago, pattern) => run(backScript, '0', databaseOf(Math.max(1, notes + 1 - ago)), pattern),
    keys: async (pattern) => (await redis.command('KEYS', pattern)).split('\r\n').filter((line) => line.startsWith('tel:')),
    command: redis.command,
    stop: async () => {
      await redis.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
