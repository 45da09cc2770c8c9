import { randomUUID } from 'node:crypto'
import type { JobRef, LogLine } from '../model/deployment.ts'
import { isTerminal } from '../model/states.ts'
import type { Connection } from './connection.ts'
import { followStreams, pageSize } from './follow.ts'
import { deploymentKeys, jobKeys } from './keys.ts'
import { fromChunk, type Place, toChunks } from './logformat.ts'
import { untilThrough } from './persist.ts'
import type { StoredJob } from './records.ts'
import type { JobLog, StoreLimits } from './types.ts'

/** The log of one job, over all its attempts. */
export const createLog = (connection: Connection, limits: StoreLimits, ref: JobRef): JobLog => {
  const keys = jobKeys(ref)
  const writer = randomUUID()
  let batches = 0
  let last: Promise<unknown> = Promise.resolve()

  const store = async (args: readonly (string | number)[]): Promise<void> => {
    await untilThrough(() => connection.script('log-append', [keys.log, keys.logHead, keys.logTail], args), { signal: connection.closed })
  }
  /** One after the other, so that lines keep their order and a batch that is sent again is known by its number. */
  const inOrder = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  const isOver = async (): Promise<boolean> => {
    const text = await connection.call((redis) => redis.hget(deploymentKeys(ref.deploymentId).jobs, ref.jobId))
    return text === null || isTerminal((JSON.parse(text) as StoredJob).status)
  }

  return {
    append: (lines) => {
      const chunks = toChunks(lines)
      if (chunks.length === 0) return Promise.resolve()
      return inOrder(() =>
        store([
          writer,
          ++batches,
          limits.logHeadBytes,
          limits.logTailBytes,
          limits.deploymentMs,
          ...chunks.flatMap(({ count, bytes, data }) => [count, bytes, data]),
        ]),
      )
    },
    end: () =>
      inOrder(async () => {
        await untilThrough(
          () =>
            connection.call((redis) => redis.multi().xadd(keys.logTail, '*', 'end', '1').pexpire(keys.logTail, limits.deploymentMs).exec()),
          { signal: connection.closed },
        )
      }),
    async *read({ after = 0, follow, signal }): AsyncGenerator<LogLine> {
      const ids = new Map([
        [keys.logHead, '0-0'],
        [keys.logTail, '0-0'],
      ])
      let place: Place = { n: after, bytes: after === 0 ? 0 : undefined }
      for await (const found of followStreams(connection, ids, { follow, idle: isOver, ...(signal === undefined ? {} : { signal }) })) {
        const head = found.get(keys.logHead) ?? []
        // The tail goes on where the head ends, so it waits until the head was read.
        const tail = head.length === pageSize ? [] : (found.get(keys.logTail) ?? [])
        for (const [key, entries] of [
          [keys.logHead, head],
          [keys.logTail, tail],
        ] as const) {
          for (const entry of entries) {
            const chunk = fromChunk(entry, place)
            ids.set(key, entry.id)
            place = chunk.place
            yield* chunk.lines
            if (chunk.end && follow) return
          }
        }
      }
    },
  }
}
