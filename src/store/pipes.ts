import { setTimeout as sleep } from 'node:timers/promises'
import type { PipeLetter, PipeMail } from '../model/pipe.ts'
import { blockMs, type Connection } from './connection.ts'
import type { RawEntry } from './follow.ts'
import { pipeKey } from './keys.ts'
import { runScript } from './scripts.ts'

/** An end is found for so long after it was last heard, in ms: it is heard every 2 s. */
const foundMs = 5000
const renewMs = 1000
const lettersAtOnce = 64

/** In the order in which pipe-send.lua writes them. */
const letterOf = ([, [, from, , n, , bytes]]: RawEntry): PipeLetter => ({
  from: String(from),
  n: Number(n),
  bytes: bytes ?? Buffer.alloc(0),
})

/** The first id after this one. */
const after = (id: string): string => {
  const [ms, sequence] = id.split('-')
  return `${ms}-${BigInt(sequence ?? '0') + 1n}`
}

/**
 * Letters by way of a stream for each end. Its reader reads from where it was, so that a cut connection loses nothing, and trims what it has
 * read; it keeps the stream alive, so that who writes to an end that is gone hears it at once, and nothing is left of one that was killed.
 * @param pool whose ends these are; their keys are in one slot
 */
export const createPipeMail = (connection: Connection, pool: string): PipeMail => {
  const read = async (redis: Connection['client'], key: string, last: string): Promise<RawEntry[]> => {
    const found = (await redis.xreadBuffer('COUNT', lettersAtOnce, 'BLOCK', blockMs, 'STREAMS', key, last)) as [Buffer, RawEntry[]][] | null
    return found?.[0]?.[1] ?? []
  }

  return {
    send: async (to, { from, n, bytes }) => (await connection.script('pipe-send', [pipeKey(pool, to)], [from, n, bytes])) === 1,

    listening: async (ids) => {
      const found = await connection.call((redis) => Promise.all(ids.map((id) => redis.exists(pipeKey(pool, id)))))
      return new Set(ids.filter((_, index) => found[index] === 1))
    },

    async *listen(id, signal) {
      const key = pipeKey(pool, id)
      const ended = AbortSignal.any([connection.closed, signal])
      const redis = connection.blocking()
      const end = (): void => redis.disconnect()
      ended.addEventListener('abort', end, { once: true })
      let last: string | undefined
      let isTrimmed = true
      let renewedAt = Number.NEGATIVE_INFINITY
      try {
        while (!ended.aborted) {
          try {
            const now = performance.now()
            if (now - renewedAt > foundMs) {
              const isMade = (await runScript(redis, 'pipe-listen', [key], [foundMs])) === 1
              renewedAt = now
              // What others sent meanwhile is nowhere.
              if (isMade || last === undefined) {
                last = '0-0'
                yield 'anew'
              }
            }
            const from: string = last ?? '0-0'
            const isDue = now - renewedAt >= renewMs
            // All in one go, and reading last, since it blocks: neither renewing nor trimming is waited for before it.
            const [isFound, , letters] = await Promise.all([
              isDue ? redis.pexpire(key, foundMs) : 1,
              isTrimmed ? 0 : redis.xtrim(key, 'MINID', after(from)),
              read(redis, key, from),
            ])
            isTrimmed = true
            if (isDue) renewedAt = isFound === 1 ? now : Number.NEGATIVE_INFINITY
            const newest = letters.at(-1)
            if (newest === undefined) continue
            last = newest[0].toString()
            isTrimmed = false
            yield letters.map(letterOf)
          } catch {
            // A read that failed is one of an outage: it must not end who listens, nor spin.
            if (!ended.aborted) await sleep(200)
          }
        }
      } finally {
        ended.removeEventListener('abort', end)
        end()
        await connection.call((client) => client.del(key)).catch(() => {})
      }
    },
  }
}
