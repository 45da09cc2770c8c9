import { randomUUID } from 'node:crypto'
import type { CheckReport } from '../model/check.ts'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { checkClaimKey, checkKey, idempotencyKey } from './keys.ts'
import type { Checks, Idempotency, Proof, StoreLimits } from './types.ts'

/** A request whose server died is open again after this, in ms. */
const unfinishedMs = 60_000

/** Reports of target checks, for as long as somebody may ask for them. */
export const createChecks = (connection: Connection, limits: StoreLimits): Checks => ({
  claim: async (id, worker) => {
    const key = checkClaimKey(id)
    const answers = await connection.call((redis) =>
      redis.multi().hsetnx(key, 'worker', worker).pexpire(key, limits.checkMs).hget(key, 'worker').exec(),
    )
    return answers?.[2]?.[1] === worker
  },
  prove: async (id, { worker, number, entry }, isHeld) =>
    (await connection.script('prove-check', [checkClaimKey(id), checkKey(id)], [worker, number, entry, isHeld ? '1' : ''])) as Proof,
  put: async (id, report) => {
    await connection.call((redis) => redis.set(checkKey(id), JSON.stringify(report), 'PX', limits.checkMs))
  },
  get: async (id) => {
    const text = await connection.call((redis) => redis.get(checkKey(id)))
    return text === null ? undefined : (JSON.parse(text) as CheckReport)
  },
})

/** What was answered to which Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). */
export const createIdempotency = (connection: Connection, limits: StoreLimits): Idempotency => ({
  begin: async (key, bodyHash) => {
    const answer = (await connection.script('begin-request', [idempotencyKey(key)], [bodyHash, randomUUID(), unfinishedMs])) as string[]
    switch (answer[0]) {
      case 'new':
        return { state: 'new' }
      case 'done':
        return { state: 'done', status: Number(answer[1]), body: answer[2] ?? '' }
      case 'mismatch':
        throw new TelpherError('idempotency_mismatch', 'this Idempotency-Key came with another request before')
      default:
        throw new TelpherError('idempotency_in_flight', 'the first request with this Idempotency-Key is not answered yet')
    }
  },
  finish: async (key, status, body) => {
    await connection.script('finish-request', [idempotencyKey(key)], [status, body, limits.idempotencyMs])
  },
  forget: async (key) => {
    await connection.call((redis) => redis.del(idempotencyKey(key)))
  },
})
