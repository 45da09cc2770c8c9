import type { Deployment, Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Freeze } from '../model/freeze.ts'
import type { Pool } from '../model/pool.ts'
import type { Target } from '../model/target.ts'
import { roomsOf } from './rooms.ts'
import type { SchedulerStore } from './types.ts'

/** What is asked only once while one deployment is looked at. */
export interface Look {
  readonly deployment: Deployment
  /** How many of its jobs want in, by room. */
  readonly wanting: ReadonlyMap<string, number>
  /** Rooms that had no place for an earlier job of it, and why: a later one would stand behind that. */
  readonly full: Map<string, string>
  /** Why jobs wait, by job id, as found so far. */
  readonly words: Map<string, { readonly job: Job; readonly reason: string }>
  /** Since when the first of its jobs waits for a worker, by pool. */
  readonly waits: Map<string, number>
  pool(name: string): Promise<Pool>
  /** Undefined for one that was removed. */
  target(name: string): Promise<Target | undefined>
  freezes(): Promise<readonly Freeze[]>
}

const memo = <T>(read: (name: string) => Promise<T>): ((name: string) => Promise<T>) => {
  const known = new Map<string, Promise<T>>()
  return (name) => {
    const found = known.get(name) ?? read(name)
    known.set(name, found)
    return found
  }
}

/**
 * @param wanting jobs that may be admitted now
 * @param now the clock of Redis
 */
export const createLook = (store: SchedulerStore, deployment: Deployment, wanting: readonly Job[], now: () => number): Look => {
  // Of those that share a lock one can run.
  const able = [...Map.groupBy(wanting, ({ lock }) => `${lock.clusterId} ${lock.namespace} ${lock.subject}`).values()].flatMap(
    ([first]) => first ?? [],
  )
  const freezes = memo(() => store.freezes.list(now()))
  const rooms = able.flatMap((job) => roomsOf(job))
  return {
    deployment,
    wanting: new Map([...Map.groupBy(rooms, (room) => room)].map(([room, all]) => [room, all.length])),
    full: new Map(),
    words: new Map(),
    waits: new Map(),
    freezes: () => freezes(''),
    pool: memo((name) => store.pools.get(name)),
    target: memo(async (name) => {
      try {
        return await store.targets.get(name)
      } catch (thrown) {
        if (thrown instanceof TelpherError && thrown.code === 'unknown_target') return undefined
        throw thrown
      }
    }),
  }
}
