import { setTimeout as sleep } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { lockKey } from './keys.ts'
import type { LockState, Locks } from './types.ts'

const free: LockState = { queue: [] }

const parse = (text: string | null): LockState => (text === null ? free : (JSON.parse(text) as LockState))

/** An empty lock is no key, so that locks leave nothing behind. */
const format = (state: LockState): string =>
  state.holder === undefined && state.cooling === undefined && state.queue.length === 0 ? '' : JSON.stringify(state)

/** A lock that only cools is of no use once it is cold; a minute more for clocks that differ. */
const lifeOf = ({ holder, queue, cooling }: LockState): number =>
  holder === undefined && queue.length === 0 && cooling !== undefined ? Math.max(0, cooling.until - Date.now()) + 60_000 : 0

/** Compare-and-set on the lock of a key. */
export const updateLock = async (
  connection: Connection,
  key: string,
  change: (state: LockState) => LockState,
  about: string,
): Promise<LockState> => {
  for (let tries = 0; tries < 100; tries++) {
    const text = await connection.call((redis) => redis.get(key))
    const state = parse(text)
    const changed = change(state)
    if (changed === state) return state
    if ((await connection.script('swap-lock', [key], [text ?? '', format(changed), lifeOf(changed)])) === 1) return changed
    await sleep(Math.random() * 5 * Math.min(tries, 10))
  }
  throw new TelpherError('redis_timeout', `${about} is too contended`)
}

export const readLock = async (connection: Connection, key: string): Promise<LockState> =>
  parse(await connection.call((redis) => redis.get(key)))

/** The locks: what may happen to one is decided by pure functions of the scheduler and written by compare-and-set. */
export const createLocks = (connection: Connection): Locks => ({
  get: (name) => readLock(connection, lockKey(name)),
  update: (name, change) => updateLock(connection, lockKey(name), change, `the lock ${name.subject} in ${name.namespace}`),
})
