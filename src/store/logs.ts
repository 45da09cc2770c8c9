import { randomUUID } from 'node:crypto'
import type { JobRef, LogLine } from '../model/deployment.ts'
import { isTerminal } from '../model/states.ts'
import type { Connection } from './connection.ts'
import { followStreams, pageSize } from './follow.ts'
import { deploymentKeys, jobKeys } from './keys.ts'
import { fromChunk, type Place } from './logformat.ts'
import { packLines } from './logpack.ts'
import { createLogView } from './logview.ts'
import { untilThrough } from './persist.ts'
import type { StoredJob } from './records.ts'
import type { JobLog, PackedLines, StoreLimits } from './types.ts'

/** The log of one job, over all its attempts. */
export const createLog = (connection: Connection, limits: StoreLimits, ref: JobRef): JobLog => {
  const keys = jobKeys(ref)
  const writer = randomUUID()
  let batches = 0
  let last: Promise<unknown> = Promise.resolve()

  const store = async (args: readonly (string | number | Buffer)[]): Promise<void> => {
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

  const view = createLogView(connection, keys, isOver)

  const appendPacked = (blocks: readonly PackedLines[]): Promise<void> => {
    if (blocks.length === 0) return Promise.resolve()
    const args = blocks.flatMap(({ count, bytes, field, data }) => [
      count,
      bytes,
      field,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength),
    ])
    return inOrder(() => store([writer, ++batches, limits.logHeadBytes, limits.logTailBytes, limits.deploymentMs, ...args]))
  }

  return {
    window: view.window,
    search: view.search,
    append: (lines) => appendPacked(packLines(lines)),
    appendPacked,
    end: () =>
      inOrder(async () => {
        await untilThrough(() => connection.script('log-end', [keys.log, keys.logTail], [limits.deploymentMs]), {
          signal: connection.closed,
        })
      }),
    async *read({ after = 0, follow, signal }): AsyncGenerator<LogLine> {
      const ended = AbortSignal.any(signal === undefined ? [connection.closed] : [connection.closed, signal])
      // What lies wholly before the place is not fetched.
      const startOf = (key: string): Promise<string> => {
        const ask = (): Promise<string> => (after === 0 ? Promise.resolve('0-0') : view.idBefore(key, after + 1))
        return follow
          ? untilThrough(ask, { signal: ended, forMs: Infinity }).catch((error: unknown) => {
              // Who stops to follow during an outage has what it wanted.
              if (ended.aborted) return '0-0'
              throw error
            })
          : ask()
      }
      const ids = new Map([
        [keys.logHead, await startOf(keys.logHead)],
        [keys.logTail, await startOf(keys.logTail)],
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
            const chunk = await fromChunk(entry, place)
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
