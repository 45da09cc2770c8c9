import type { Signed } from '../model/signature.ts'
import { blockMs, type Client, type Connection } from './connection.ts'
import { type RawEntry, toEntry } from './follow.ts'
import { servers, serversGroup } from './group.ts'
import { brokerKeys } from './keys.ts'
import { blockingReads } from './reading.ts'
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

/** What is written to the list of a worker, by whomever; nothing where it is no answer. */
const answersIn = (text: string): SealedAnswer[] => {
  try {
    const { requestId, body, signature } = JSON.parse(text) as Record<string, unknown>
    const isAnswer = typeof requestId === 'string' && typeof body === 'string' && typeof signature === 'string'
    return isAnswer ? [{ requestId, body, signature }] : []
  } catch {
    return []
  }
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
    const key = brokerKeys.answers(pool, worker)
    // What came with the first one is there already; a user of Redis from before may not ask for it.
    const read = async (redis: Client): Promise<string[]> => {
      const [first, more] = await Promise.all([redis.blpop(key, blockMs / 1000), redis.lpop(key, atOnce).catch(() => null)])
      return [...(first === null ? [] : [first[1]]), ...(more ?? [])]
    }
    for await (const texts of blockingReads(connection, signal, read)) yield* texts.flatMap(answersIn)
  },
  async *requests(server, signal) {
    let lookedAt = Number.NEGATIVE_INFINITY
    const read = async (redis: Client): Promise<RawEntry[]> => {
      if (performance.now() - lookedAt >= lookMs) {
        lookedAt = performance.now()
        const left = await requests.abandoned(redis, server)
        if (left.length > 0) return left
      }
      return requests.fresh(redis, server)
    }
    for await (const taken of blockingReads(connection, signal, read)) yield taken.map(takenOf)
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
