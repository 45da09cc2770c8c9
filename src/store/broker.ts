import { setTimeout as sleep } from 'node:timers/promises'
import type { Signed } from '../model/signature.ts'
import { blockMs, type Connection } from './connection.ts'
import { type RawEntry, toEntry } from './follow.ts'
import { servers, serversGroup } from './group.ts'
import { brokerKeys } from './keys.ts'
import type { Broker, SealedAnswer, TakenRequest } from './types.ts'

const mostWaiting = 10_000
const atOnce = 64
/** A server says of what it works on that it does, well within this; what nobody said it of for so long, in ms, another one takes. */
const abandonedMs = 3000
/** Between two looks for what was abandoned, in ms. */
const lookMs = 1000
/** Longer than a worker waits for one answer, in ms. */
const answerMs = 120_000

const takenOf = (raw: RawEntry): TakenRequest => {
  const { id: entry, fields } = toEntry(raw)
  const field = (name: string): string => fields.get(name) ?? ''
  return { entry, pool: field('pool'), worker: field('worker'), body: field('body'), signature: field('signature') }
}

const requests = serversGroup({ stream: brokerKeys.requests, abandonedMs, atOnce, blockMs: lookMs })

/**
 * The way between workers and brokers: a stream that all servers read as one group, and a list of answers for each worker
 * (redis.io/docs/latest/develop/data-types/streams, consumer groups).
 */
export const createBroker = (connection: Connection): Broker => ({
  send: async ({ pool, worker, body, signature }: Omit<TakenRequest, 'entry'>) => {
    await connection.script(
      'send-request',
      [brokerKeys.requests],
      [mostWaiting, ...Object.entries({ pool, worker, body, signature }).flat()],
    )
  },
  async *answers(pool, worker, signal) {
    const ended = AbortSignal.any([connection.closed, signal])
    const redis = connection.blocking()
    const end = (): void => redis.disconnect()
    ended.addEventListener('abort', end, { once: true })
    try {
      while (!ended.aborted) {
        // A read that failed is one of an outage: it must not end who waits, nor spin.
        const found = await redis.blpop(brokerKeys.answers(pool, worker), blockMs / 1000).catch(() => sleep(200, null))
        if (found !== null) yield JSON.parse(found[1]) as SealedAnswer
      }
    } finally {
      ended.removeEventListener('abort', end)
      end()
    }
  },
  async *requests(server, signal) {
    const ended = AbortSignal.any([connection.closed, signal])
    const redis = connection.blocking()
    const end = (): void => redis.disconnect()
    ended.addEventListener('abort', end, { once: true })
    let lookedAt = Number.NEGATIVE_INFINITY
    const take = async (): Promise<TakenRequest[]> => {
      if (performance.now() - lookedAt >= lookMs) {
        lookedAt = performance.now()
        const left = await requests.abandoned(redis, server)
        if (left.length > 0) return left.map(takenOf)
      }
      return (await requests.fresh(redis, server)).map(takenOf)
    }
    try {
      while (!ended.aborted) {
        const taken = await take().catch(async (error: unknown) => {
          // The group is not there at the first start, and after a Redis that lost its data.
          if (error instanceof Error && error.message.startsWith('NOGROUP')) await requests.ensure(redis).catch(() => {})
          else if (!ended.aborted) await sleep(200)
          return []
        })
        if (taken.length > 0) yield taken
      }
    } finally {
      ended.removeEventListener('abort', end)
      end()
    }
  },
  leave: async (server, entry) => {
    await connection.call((redis) => redis.call('XCLAIM', brokerKeys.requests, servers, server, 0, entry, 'IDLE', abandonedMs, 'JUSTID'))
  },
  keep: async (server, entries) => {
    if (entries.length === 0) return
    await connection.call((redis) => redis.call('XCLAIM', brokerKeys.requests, servers, server, 0, ...entries, 'JUSTID'))
  },
  answer: async ({ entry, pool, worker }, answer: { readonly requestId: string } & Signed) => {
    const args = [servers, entry, JSON.stringify(answer), answerMs]
    return (await connection.script('answer-request', [brokerKeys.requests, brokerKeys.answers(pool, worker)], args)) === 1
  },
  drop: async ({ entry, pool, worker }) => {
    await connection.script('answer-request', [brokerKeys.requests, brokerKeys.answers(pool, worker)], [servers, entry, '', answerMs])
  },
})
