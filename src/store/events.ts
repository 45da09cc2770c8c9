import { randomUUID } from 'node:crypto'
import type { DeploymentEvent, StoredEvent } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { followStreams } from './follow.ts'
import { deploymentKeys } from './keys.ts'
import { untilThrough } from './persist.ts'
import { unknownDeployment } from './records.ts'
import type { DeploymentEvents, StoreLimits } from './types.ts'

const batchSize = 100
/** What is kept in memory while Redis is away: with more, the oldest progress goes, since newer progress says more. */
const maxBuffered = 10_000

const isEnd = (event: DeploymentEvent): boolean => event.type === 'deployment' && event.state === 'finished'

/** Sends what it is given in order, in batches that are stored once however often they are sent. */
const createEmitter = (connection: Connection, limits: StoreLimits, id: string): Pick<DeploymentEvents, 'emit' | 'flush'> => {
  const keys = deploymentKeys(id)
  const emitter = randomUUID()
  const buffer: DeploymentEvent[] = []
  let batches = 0
  let sending: Promise<void> | undefined

  const send = async (): Promise<void> => {
    while (buffer.length > 0) {
      const batch = buffer.splice(0, batchSize)
      const args = [emitter, ++batches, limits.events, limits.deploymentMs, ...batch.map((event) => JSON.stringify(event))]
      await untilThrough(() => connection.script('emit', [keys.events, keys.emitters], args), {
        signal: connection.closed,
        forMs: Infinity,
      })
    }
  }
  const start = (): Promise<void> => {
    sending ??= send().finally(() => {
      sending = undefined
    })
    return sending
  }
  return {
    emit: (event) => {
      buffer.push(event)
      if (buffer.length > maxBuffered) {
        const old = buffer.findIndex(({ type }) => type === 'progress')
        buffer.splice(Math.max(old, 0), 1)
      }
      // Those of one turn go together. A refusal of Redis has no listener here: flush() tells it.
      queueMicrotask(() => void start().catch(() => {}))
    },
    flush: async () => {
      while (buffer.length > 0 || sending !== undefined) await start()
    },
  }
}

/** The events of one deployment. */
export const createEvents = (connection: Connection, limits: StoreLimits, id: string): DeploymentEvents => {
  const keys = deploymentKeys(id)
  const isOver = async (): Promise<boolean> => {
    const state = await connection.call((redis) => redis.hget(keys.record, 'state'))
    return state === null || state === 'finished'
  }
  return {
    ...createEmitter(connection, limits, id),
    async *read(options): AsyncGenerator<StoredEvent> {
      if (options.after !== undefined && !/^\d{1,16}(-\d{1,16})?$/.test(options.after)) {
        throw new TelpherError('invalid_input', 'the id of the last event is not one of ours', { field: 'Last-Event-ID' })
      }
      const { follow, signal } = options
      const until = signal === undefined ? {} : { signal }
      const exists = () => connection.call((redis) => redis.exists(keys.record))
      const ended = AbortSignal.any(signal === undefined ? [connection.closed] : [connection.closed, signal])
      const known = await (follow ? untilThrough(exists, { signal: ended, forMs: Infinity }) : exists())
      if (known === 0) throw unknownDeployment(id)
      const after = new Map([[keys.events, options.after ?? '0-0']])
      for await (const found of followStreams(connection, after, { ...until, follow, idle: isOver })) {
        for (const entry of found.get(keys.events) ?? []) {
          const event = JSON.parse(entry.fields.get('e') ?? '{}') as DeploymentEvent
          after.set(keys.events, entry.id)
          yield { ...event, id: entry.id }
          if (follow && isEnd(event)) return
        }
      }
    },
  }
}
