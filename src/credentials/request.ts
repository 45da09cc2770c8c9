import { setTimeout as pause } from 'node:timers/promises'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import {
  type AskKind,
  type GrantAnswer,
  type GrantRequest,
  refusalOf,
  requestVersion,
  signRequest,
  uncarry,
} from '../model/grantrequest.ts'
import { newId } from '../model/ids.ts'
import type { Cluster, Grant, Grants } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import type { Signed } from '../model/signature.ts'
import { wayOf } from '../model/target.ts'
import { makeAnswerKey, openAnswer } from './answer.ts'
import { inClusterMode } from './modes/in-cluster.ts'
import type { PoolKey } from './poolkey.ts'

/** The way to the brokers, which anybody who reaches Redis can read and write. */
interface BrokerChannel {
  send(request: { readonly pool: string; readonly worker: string } & Signed): Promise<void>
  answers(pool: string, worker: string, signal: AbortSignal): AsyncIterable<{ readonly requestId: string } & Signed>
}

export interface RequesterOptions {
  readonly channel: BrokerChannel
  readonly key: PoolKey
  /** The worker's id. */
  readonly worker: string
  readonly signal: AbortSignal
  /** An answer that is not believed, or came too late for anybody. */
  readonly log: (line: object) => void
  readonly times?: Partial<RequestTimes>
}

/** Times of a request, in ms. */
export interface RequestTimes {
  /** Without an answer it is asked once more: the first may have been lost with what Redis had not yet on disk. */
  readonly againMs: number
  /** Until it is given up. */
  readonly patienceMs: number
  /** Before it is asked again while the claim is not proven. */
  readonly unprovenMs: number
}

/** A broker that tries a slow API server answers within half a minute. */
const defaultTimes: RequestTimes = { againMs: 40_000, patienceMs: 120_000, unprovenMs: 500 }

/** What a worker asks the brokers for one attempt; one request after the other. */
export interface Requester {
  /** @throws TelpherError enrolment_refused, broker_timeout, answer_refused */
  hello(): Promise<void>
  /** @param envelope of the attempt, as it lay in the queue */
  forAttempt(envelope: Signed): AttemptRequests
}

interface Asked {
  readonly kind: AskKind
  readonly number: number
  readonly envelope?: Signed
  readonly lifetimeMs?: number
}

export interface AttemptRequests {
  /** @throws TelpherError of the broker; broker_timeout when no server answers */
  ask(kind: Exclude<AskKind, 'hello'>, lifetimeMs?: number): Promise<GrantAnswer>
}

/** The worker's end of the way to the brokers: signs what it asks, and opens only what a server sealed to it. */
export const createRequester = (options: RequesterOptions): Requester => {
  const { channel, key, worker, signal, log } = options
  const times = { ...defaultTimes, ...options.times }
  const own = makeAnswerKey()
  const waiting = new Map<string, { readonly body: string; resolve(answer: GrantAnswer): void }>()

  const hear = async (): Promise<void> => {
    for await (const { requestId, ...signed } of channel.answers(key.pool, worker, signal)) {
      const waiter = waiting.get(requestId)
      if (waiter === undefined) continue
      try {
        waiter.resolve(openAnswer(signed, waiter.body, own, key.serverKeys))
      } catch (error) {
        // Whoever wrote it, the answer of a server may still come.
        log({ level: 'warn', msg: 'an answer of the broker is not believed', requestId, error: (error as Error).message })
      }
    }
  }
  void hear()

  /** One request. @returns undefined when nobody answered in time */
  const once = async ({ kind, number, envelope, lifetimeMs }: Asked, waitMs: number): Promise<GrantAnswer | undefined> => {
    const id = newId('req')
    const request: GrantRequest = {
      version: requestVersion,
      kind,
      id,
      pool: key.pool,
      enrolment: key.fingerprint,
      worker,
      sealTo: own.sealTo,
      number,
      ...(envelope === undefined ? {} : { envelope: { body: envelope.body, signature: envelope.signature } }),
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    }
    const signed = signRequest(request, key.privateKey)
    const { promise, resolve } = Promise.withResolvers<GrantAnswer | undefined>()
    const timer = setTimeout(() => resolve(undefined), waitMs)
    waiting.set(id, { body: signed.body, resolve })
    try {
      await channel.send({ pool: key.pool, worker, ...signed })
      return await promise
    } finally {
      clearTimeout(timer)
      waiting.delete(id)
    }
  }

  const ask = async (asked: Omit<Asked, 'number'>, nextNumber: () => number): Promise<GrantAnswer> => {
    const end = performance.now() + times.patienceMs
    for (;;) {
      const left = end - performance.now()
      const answer = await once({ ...asked, number: nextNumber() }, Math.min(times.againMs, Math.max(left, 1)))
      if (answer?.is !== 'refused' && answer !== undefined) return answer
      if (answer !== undefined && answer.code !== 'claim_unproven') throw refusalOf(answer)
      if (performance.now() + times.unprovenMs < end && !signal.aborted) {
        // The next heartbeat renews the claim.
        if (answer !== undefined) await pause(times.unprovenMs)
        continue
      }
      throw answer === undefined
        ? new TelpherError('broker_timeout', `no server answered within ${Math.round(times.patienceMs / 1000)} s`)
        : refusalOf(answer)
    }
  }

  return {
    async hello() {
      await ask({ kind: 'hello' }, () => 1)
    },
    forAttempt(envelope) {
      let number = 0
      let last: Promise<unknown> = Promise.resolve()
      return {
        ask(kind, lifetimeMs) {
          const asked = { kind, envelope, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) }
          const answer = last.then(() => ask(asked, () => ++number))
          last = answer.catch(() => {})
          return answer
        },
      }
    },
  }
}

export interface BrokerGrantsOptions {
  readonly requests: AttemptRequests
  readonly cluster: Cluster
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where the token of this process's own pod lies. */
  readonly tokenFile?: string
}

const unexpected = (answer: GrantAnswer): TelpherError => new TelpherError('internal', `the broker answered with ${answer.is}`)

/** The credentials of one attempt, asked of the brokers. */
export const brokerGrants = ({ requests, cluster, env = process.env, tokenFile }: BrokerGrantsOptions): Grants => ({
  async grant(target, attempt, lifetimeMs): Promise<Grant> {
    const own = inClusterMode({
      server: target.server,
      connect: (credential) => cluster.connect(target, credential),
      env,
      ...(tokenFile === undefined ? {} : { tokenFile }),
    })
    const credentialOf = async (answer: GrantAnswer): Promise<{ credential: Credential; renewable: boolean }> => {
      if (answer.is === 'use-own') return { credential: await own.mint(attempt, lifetimeMs), renewable: own.renewable }
      if (answer.is !== 'credential') throw unexpected(answer)
      return { credential: uncarry(answer.credential, Date.now()), renewable: answer.renewable }
    }
    const answer = await requests.ask('grant', lifetimeMs)
    const isOwn = answer.is === 'use-own'
    // The record that this worker read may be another one than the server looked at.
    if ('way' in answer && answer.way !== undefined && answer.way !== wayOf(target))
      throw new TelpherError('target_changed', `target ${target.name} is somewhere else than the server knows: its record was changed`)
    const packageKey = answer.is === 'credential' || answer.is === 'use-own' ? answer.packageKey : undefined
    return {
      ...(await credentialOf(answer)),
      ...(packageKey === undefined ? {} : { packageKey }),
      renew: async () => (await credentialOf(isOwn ? answer : await requests.ask('renew', lifetimeMs))).credential,
      end: async () => {
        if (!isOwn) await requests.ask('end')
      },
    }
  },
})

/** The secrets of one attempt's step, by value path. @throws TelpherError of the broker */
export const brokerSecrets = async (requests: AttemptRequests): Promise<ReadonlyMap<string, Secret>> => {
  const answer = await requests.ask('secrets')
  if (answer.is !== 'secrets') throw unexpected(answer)
  return new Map(Object.entries(answer.values).map(([path, value]) => [path, new Secret(value)]))
}
