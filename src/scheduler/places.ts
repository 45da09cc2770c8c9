import type { Job } from '../model/deployment.ts'
import type { Pool } from '../model/pool.ts'
import { type Priority, priorities } from '../model/step.ts'
import type { SeenWorker } from '../model/worker.ts'
import type { Look } from './look.ts'
import { clusterRoom, poolRoom, roomsOf, targetRoom } from './rooms.ts'
import type { SchedulerStore } from './types.ts'

/** A place that a job must have before it begins. */
export interface Place {
  readonly room: string
  /** How many there are. */
  readonly places: number
  /** Why a job waits for one, as a sentence without its dot. */
  readonly reason: string
}

/** Jobs that workers of a pool can run at a time. */
export const slotsOf = (workers: readonly SeenWorker[], pool: string): number =>
  workers.filter((worker) => worker.pool === pool && worker.state !== 'draining').reduce((sum, { concurrency }) => sum + concurrency, 0)

/** Admitted for a pool of which no worker is heard, so that one that comes finds work at once. */
const withoutWorkers = 4

/**
 * Jobs that are let on their way to a pool's workers: a few more than these run, so that none of them waits for the next one; not
 * many more, since what stands in the queue is overtaken by nobody.
 */
const windowOf = (slots: number): number => (slots === 0 ? withoutWorkers : slots + Math.max(1, Math.ceil(slots / 4)))

const jobs = (count: number): string => `${count} job${count === 1 ? '' : 's'}`

const poolPlace = ({ name, limit }: Pool, workers: readonly SeenWorker[] | undefined): Place => {
  const room = poolRoom(name)
  const slots = slotsOf(workers ?? [], name)
  const places = windowOf(slots)
  if (limit !== undefined && limit <= places) return { room, places: limit, reason: `pool ${name} runs at most ${jobs(limit)} at a time` }
  const reason =
    workers !== undefined && slots === 0 ? `no worker in pool ${name} is alive` : `the workers of pool ${name} are busy with other jobs`
  return { room, places, reason }
}

/**
 * The places that a job needs, in the order in which it asks for them.
 * @param workers those that are heard; undefined before anybody listened
 */
export const placesFor = async (look: Look, job: Job, workers: readonly SeenWorker[] | undefined): Promise<readonly Place[]> => {
  const [pool, target] = await Promise.all([look.pool(job.pool), look.target(job.target)])
  const { limit, clusterLimit } = target ?? {}
  return [
    ...(limit === undefined
      ? []
      : [{ room: targetRoom(job), places: limit, reason: `target ${job.target} takes at most ${jobs(limit)} at a time` }]),
    ...(clusterLimit === undefined
      ? []
      : [
          {
            room: clusterRoom(job),
            places: clusterLimit,
            reason: `the cluster of target ${job.target} takes at most ${jobs(clusterLimit)} at a time`,
          },
        ]),
    poolPlace(pool, workers),
  ]
}

/** Why a job waits for a room that an earlier job of this look found full; undefined when it may ask. */
export const fullPlace = (look: Look, job: Job): string | undefined =>
  roomsOf(job)
    .map((room) => look.full.get(room))
    .find((reason) => reason !== undefined)

const rankOf = (priority: Priority = 'normal'): number => priorities.indexOf(priority)

/**
 * Asks for a job's places, one after the other; those it got it keeps while it waits for the next.
 * @param nudge called with a deployment for which there is a place and who may not know
 * @param onFull called with a room that had no place, before it is said why
 * @returns why it waits; undefined when it has them all
 */
export const takePlaces = async (
  store: SchedulerStore,
  look: Look,
  job: Job,
  places: readonly Place[],
  nudge: (deploymentId: string) => void,
  onFull: (room: string) => Promise<void>,
): Promise<string | undefined> => {
  const { priority, weight = 1 } = look.deployment.request
  for (const { room, places: count, reason } of places) {
    const waiting = look.wanting.get(room) ?? 1
    const answer = await store.rooms.enter(room, job, { priority: rankOf(priority), weight, places: count, waiting })
    answer.next.forEach(nudge)
    if (answer.in) continue
    await onFull(room)
    look.full.set(room, reason)
    return reason
  }
  return undefined
}

/** Gives a job's places back. @param options.queue whether also those in the queues; true when absent @returns the deployments whose turn it is now */
export const leavePlaces = async (store: SchedulerStore, job: Job, options?: { readonly queue: boolean }): Promise<readonly string[]> => {
  const next = await Promise.all(roomsOf(job).map((room) => store.rooms.leave(room, job, options)))
  return [...new Set(next.filter((id) => id !== undefined))]
}

/** Gives the place in the pool back alone: a job that waits for its next attempt needs no worker meanwhile. */
export const leavePool = (store: SchedulerStore, job: Job): Promise<string | undefined> => store.rooms.leave(poolRoom(job.pool), job)
