import type { SealedRecord } from '../model/credential.ts'
import type { AttemptRef } from '../model/deployment.ts'
import type { Connection } from './connection.ts'
import { grantKeys, sweepTurnKey } from './keys.ts'
import type { FenceOutcome, Grants } from './types.ts'

/** As long as a watchdog may ask for it. */
const outcomeMs = 600_000

/** What attempts were given, sealed, and what came of fencing them. */
export const createGrants = (connection: Connection): Grants => ({
  put: async (attempt, record, lifeMs) => {
    await connection.call((redis) => redis.set(grantKeys(attempt).record, JSON.stringify(record), 'PX', Math.max(1, Math.ceil(lifeMs))))
  },
  get: async (attempt) => {
    const text = await connection.call((redis) => redis.get(grantKeys(attempt).record))
    return text === null ? undefined : (JSON.parse(text) as SealedRecord)
  },
  remove: async (attempt) => {
    await connection.call((redis) => redis.del(grantKeys(attempt).record))
  },
  fenced: async (attempt: AttemptRef, outcome: FenceOutcome) => {
    await connection.call((redis) => redis.set(grantKeys(attempt).fence, JSON.stringify(outcome), 'PX', outcomeMs))
  },
  outcome: async (attempt) => {
    const text = await connection.call((redis) => redis.get(grantKeys(attempt).fence))
    return text === null ? undefined : (JSON.parse(text) as FenceOutcome)
  },
  fenceTurn: async (attempt, forMs) =>
    (await connection.call((redis) => redis.set(grantKeys(attempt).fenceTurn, '1', 'PX', forMs, 'NX'))) === 'OK',
  holdFenceTurn: async (attempt, forMs) => {
    await connection.call((redis) => redis.pexpire(grantKeys(attempt).fenceTurn, forMs))
  },
  sweepTurn: async (target, forMs) => (await connection.call((redis) => redis.set(sweepTurnKey(target), '1', 'PX', forMs, 'NX'))) === 'OK',
})
