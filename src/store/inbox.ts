import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Answer, Producer } from '../model/producer.ts'
import { blockMs, type Client, type Connection } from './connection.ts'
import { type RawEntry, toEntry } from './follow.ts'
import { servers, serversGroup } from './group.ts'
import { inboxKeys, producersKey } from './keys.ts'
import type { Inbox, Producers, Submitted } from './types.ts'

const unknown = (name: string): TelpherError => new TelpherError('unknown_producer', `there is no producer ${name}`)

export const createProducers = (connection: Connection): Producers => ({
  create: async (producer) => {
    const created = await connection.call((redis) => redis.hsetnx(producersKey, producer.name, JSON.stringify(producer)))
    if (created === 0) throw new TelpherError('producer_exists', `there is a producer ${producer.name} already`)
  },
  get: async (name) => {
    const text = await connection.call((redis) => redis.hget(producersKey, name))
    if (text === null) throw unknown(name.slice(0, 64))
    return JSON.parse(text) as Producer
  },
  list: async () => {
    const texts = await connection.call((redis) => redis.hvals(producersKey))
    return texts.map((text) => JSON.parse(text) as Producer).sort((a, b) => (a.name < b.name ? -1 : 1))
  },
  remove: async (name) => {
    if ((await connection.call((redis) => redis.hdel(producersKey, name))) === 0) throw unknown(name.slice(0, 64))
  },
})

const mostWaiting = 10_000
const atOnce = 16
/** What a server took and has not answered for so long, in ms, another one takes: an answer needs far less. */
const abandonedMs = 30_000
const answerSeconds = 600

const submittedOf = (raw: RawEntry): Submitted => {
  const { id: entry, fields } = toEntry(raw)
  const field = (name: string): string => fields.get(name) ?? ''
  return { entry, producer: field('producer'), id: field('id'), body: field('body'), signature: field('signature') }
}

/** An answer that is waited for on a connection of its own, since nothing else gets through one that blocks. */
const waitForAnswer = async (connection: Connection, id: string, waitMs: number): Promise<Answer | undefined> => {
  const redis = connection.blocking()
  try {
    for (const end = performance.now() + waitMs; performance.now() < end; ) {
      const left = Math.min(blockMs, end - performance.now()) / 1000
      const found = await redis.blpop(inboxKeys.answer(id), Math.max(left, 0.01)).catch(() => sleep(200, null))
      if (found !== null) return JSON.parse(found[1]) as Answer
    }
    return undefined
  } finally {
    redis.disconnect()
  }
}

const submissions = serversGroup({ stream: inboxKeys.submissions, abandonedMs, atOnce, blockMs })

/** The inbox: a stream that all servers read as one group (redis.io/docs/latest/develop/data-types/streams, consumer groups). */
export const createInbox = (connection: Connection): Inbox => {
  let blocking: Client | undefined

  return {
    submit: async ({ producer, id, body, signature }, waitMs) => {
      await connection.call((redis) =>
        redis.xadd(inboxKeys.submissions, 'MAXLEN', '~', mostWaiting, '*', ...Object.entries({ producer, id, body, signature }).flat()),
      )
      return waitForAnswer(connection, id, waitMs)
    },
    take: async (server, signal) => {
      blocking ??= connection.blocking()
      const redis = blocking
      const end = (): void => redis.disconnect()
      signal.addEventListener('abort', end, { once: true })
      try {
        const left = await submissions.abandoned(redis, server)
        return (left.length > 0 ? left : await submissions.fresh(redis, server)).map(submittedOf)
      } catch (error) {
        if (signal.aborted) return []
        throw error
      } finally {
        signal.removeEventListener('abort', end)
      }
    },
    answer: async ({ entry, id }, answer) => {
      await connection.call(async (redis) => {
        const key = inboxKeys.answer(id)
        await redis
          .multi()
          .rpush(key, JSON.stringify(answer))
          .expire(key, answerSeconds)
          .xack(inboxKeys.submissions, servers, entry)
          .xdel(inboxKeys.submissions, entry)
          .exec()
      })
    },
  }
}
