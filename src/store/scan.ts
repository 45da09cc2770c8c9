import type { Connection } from './connection.ts'

/** Names of keys, a page of each master at a time. */
export interface Scan {
  /** Some of what there is; a key that is there all along comes at least once in a round. */
  page(): Promise<string[]>
  /** Whether the last page ended a round on every master: the next one begins anew. */
  isRound(): boolean
}

/**
 * Walks through the names of all keys with SCAN (redis.io/docs/latest/commands/scan).
 * @param pattern of the names, as in SCAN
 * @param count of keys looked at in a page, whatever their names
 */
export const createScan = (connection: Connection, pattern: string, count: number): Scan => {
  let cursors = new Map<string, string>()
  const isRound = (): boolean => [...cursors.values()].every((cursor) => cursor === 'end')
  return {
    page: async () => {
      const before = isRound() ? new Map<string, string>() : cursors
      const after = new Map<string, string>()
      const pages = await connection.onMasters(async (redis, place): Promise<string[]> => {
        const cursor = before.get(place) ?? '0'
        const [next, keys] = cursor === 'end' ? ['0', []] : await redis.scan(cursor, 'MATCH', pattern, 'COUNT', count)
        after.set(place, next === '0' ? 'end' : next)
        return keys
      })
      cursors = after
      return pages.flat()
    },
    isRound,
  }
}
