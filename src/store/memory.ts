import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { parseInfo } from './startcheck.ts'
import type { Memory, MemoryLevel, MemoryUse } from './types.ts'

/**
 * From which part of maxmemory on what is done (docs/reference/retention.md). What lies above the last one is the reserve of
 * running deployments: their states, their events and the queue.
 */
const memoryLevels: readonly (readonly [from: number, level: MemoryLevel])[] = [
  [0.92, 'reserve'],
  [0.85, 'refuse'],
  [0.7, 'warn'],
]

/** What was seen last is good for so long, in ms. */
const freshMs = 1000

export const levelOf = (ratio: number): MemoryLevel => memoryLevels.find(([from]) => ratio >= from)?.[1] ?? 'ok'

/**
 * How full a Redis is, from its INFO (redis.io/docs/latest/commands/info, section memory). Buffers of replicas and of the append-only
 * file do not count against maxmemory (redis.io/docs/latest/develop/reference/eviction).
 */
export const judgeMemory = (info: ReadonlyMap<string, string>): Pick<MemoryUse, 'usedBytes' | 'maxBytes' | 'ratio' | 'level'> => {
  const number = (name: string): number => Number(info.get(name) ?? 0)
  const [maxBytes, usedBytes] = [number('maxmemory'), Math.max(0, number('used_memory') - number('mem_not_counted_for_evict'))]
  if (maxBytes === 0) return { usedBytes, maxBytes, level: 'ok' }
  const ratio = usedBytes / maxBytes
  return { usedBytes, maxBytes, ratio, level: levelOf(ratio) }
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** A sentence about a Redis that gets full; undefined while there is room. */
export const memoryWarning = ({ place, maxBytes, ratio = 0, level }: MemoryUse): string | undefined => {
  if (level === 'ok') return undefined
  const filled = `Redis at ${place} has used ${Math.floor(ratio * 100)} % of its ${megabytes(maxBytes)}`
  if (level === 'warn') return `${filled}: the oldest logs are removed early`
  return level === 'refuse'
    ? `${filled}: uploads and new deployments are refused`
    : `${filled}: uploads and new deployments are refused, and log lines are left out`
}

/** Watches the memory of each Redis of the store, of a cluster that of each master. @param all by what it holds, each Redis once */
export const createMemory = (all: readonly (readonly [MemoryUse['redis'], Connection])[]): Memory => {
  let seen: { readonly at: number; readonly uses: Promise<readonly MemoryUse[]> } | undefined
  const read = async (): Promise<MemoryUse[]> => {
    const found = await Promise.all(
      all.map(([redis, connection]) =>
        connection.onMasters(async (client, place) => ({ redis, place, ...judgeMemory(parseInfo(await client.info('memory'))) })),
      ),
    )
    return found.flat()
  }
  const look: Memory['look'] = (maxAgeMs = freshMs) => {
    const now = performance.now()
    if (seen !== undefined && now - seen.at < maxAgeMs) return seen.uses
    const uses = read()
    seen = { at: now, uses }
    uses.catch(() => {
      seen = undefined
    })
    return uses
  }
  return {
    look,
    mustHaveRoom: async () => {
      const full = (await look()).find(({ level }) => level === 'refuse' || level === 'reserve')
      if (full !== undefined) throw new TelpherError('redis_full', memoryWarning(full) ?? 'Redis is full')
    },
  }
}
