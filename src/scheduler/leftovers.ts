import { setTimeout as sleep } from 'node:timers/promises'
import type { JobRef } from '../model/deployment.ts'
import { logOnce } from '../model/log-once.ts'
import type { FoundLock, FoundRoom } from '../store/types.ts'
import { release } from './admit.ts'
import { keepLocks } from './keep-locks.ts'
import type { LoopOptions, SchedulerStore } from './types.ts'

type LeftoverStore = Pick<SchedulerStore, 'deployments' | 'jobs' | 'holdings' | 'wakes'>

/** Between two looks at some of the locks and rooms, in ms. */
const lookMs = 5000

const overOf = async (store: LeftoverStore, jobs: readonly JobRef[]): Promise<JobRef[]> => {
  const over = await Promise.all(jobs.map((ref) => store.jobs.isOver(ref)))
  return jobs.filter((_, index) => over[index])
}

/**
 * Takes jobs out of a room that are settled, or that nobody knows: one that has only ended is being settled.
 * @returns how many they were, and the deployments whose turn it is now
 */
export const clearRoom = async (store: LeftoverStore, room: FoundRoom): Promise<{ readonly count: number; readonly next: string[] }> => {
  const over = await overOf(store, room.jobs)
  const next = await Promise.all(over.map((ref) => room.leave(ref)))
  return { count: over.length, next: [...new Set(next.filter((id) => id !== undefined))] }
}

const clearLock = async (store: LeftoverStore, lock: FoundLock): Promise<{ readonly count: number; readonly next: string[] }> => {
  const { holder, queue } = lock.state
  const over = await overOf(store, holder === undefined ? queue : [holder, ...queue])
  if (over.length === 0) return { count: 0, next: [] }
  const after = await lock.update((state) => over.reduce(release, state))
  const [first] = after.queue
  return { count: over.length, next: after.holder === undefined && first !== undefined ? [first.deploymentId] : [] }
}

/**
 * Gives back what jobs have that are settled, or that nobody knows. A job and its places lie in two slots, so that a fail-over may lose the one
 * and not the other; and who gives a place back and notes so in two steps may do them with two masters, of which the second never heard of
 * the first step.
 * @returns how many holders and waiters there were
 */
export const sweepLeftovers = async (store: LeftoverStore): Promise<number> => {
  const { locks, rooms } = await store.holdings.page()
  let count = 0
  const next = new Set<string>()
  for (const clear of [...locks.map((lock) => () => clearLock(store, lock)), ...rooms.map((room) => () => clearRoom(store, room))]) {
    const cleared = await clear()
    count += cleared.count
    for (const id of cleared.next) next.add(id)
  }
  for (const id of next) await store.wakes.send(id)
  return count
}

/**
 * Starts the loop that looks for what was left behind. Several servers may run it.
 * @param options.everyMs between two looks
 * @returns settles when the loop has ended after the signal
 */
export const startLeftovers = (
  options: Pick<LoopOptions, 'log' | 'signal'> & {
    readonly store: LeftoverStore & Pick<SchedulerStore, 'locks'>
    readonly everyMs?: number
  },
): { readonly stopped: Promise<void> } => {
  const { store, log, signal, everyMs = lookMs } = options
  const said = logOnce(log, 'what ended jobs left behind is not looked for')
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const count = await sweepLeftovers(store)
        if (count > 0) log({ level: 'warn', msg: 'locks and places of jobs that have ended were given back', count })
        const kept = await keepLocks(store)
        if (kept > 0) log({ level: 'warn', msg: 'jobs at work had lost their locks and have them again', count: kept })
        const deployments = await store.deployments.relist()
        if (deployments.length > 0) log({ level: 'warn', msg: 'deployments whose end was lost go on', deployments })
        said.well()
      } catch (error) {
        said.failed(error)
      }
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }
  return { stopped: run() }
}
