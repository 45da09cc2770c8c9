import { setTimeout as sleep } from 'node:timers/promises'
import type { Deployment, Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import { type HandleContext, handleDeployment } from './handle.ts'
import type { Overview, Seen } from './seen.ts'
import type { LoopOptions, SchedulerTimes } from './types.ts'

export { expand } from './expand.ts'
export { startGrantSweep } from './grant-sweep.ts'
export { keepLocks } from './keep-locks.ts'
export { startLeftovers, sweepLeftovers } from './leftovers.ts'
export type { Overview } from './seen.ts'
export type { SchedulerQueue, SchedulerStore } from './types.ts'
export { startWatchdog, type WatchdogOptions } from './watchdog.ts'

const defaultTimes: SchedulerTimes = { sweepMs: 1000, lookAfterMs: 5000, takenMs: 10_000, deadAfterMs, ghostMs: 60_000 }

/** Deployments looked at beside one another; each by itself is one look at a time. */
const maxParallel = 16

export interface Scheduler {
  /** Looks at a deployment now. */
  kick(deploymentId: string): void
  readonly overview: Overview
  /** Settles when the loop has ended after the signal. */
  readonly stopped: Promise<void>
}

interface SchedulerOptions extends LoopOptions {
  readonly times?: Partial<SchedulerTimes>
  /** Told a deployment that this server brought to its end, and its jobs. */
  readonly onFinished?: (deployment: Deployment, jobs: readonly Job[]) => void
}

/**
 * Starts the loop that takes deployments through their steps: woken by the store, and by a sweep that finds what was
 * missed. Several servers may run it; Redis may come and go.
 */
export const startScheduler = (options: SchedulerOptions): Scheduler => {
  const { store, queue, log, signal, onFinished = () => {} } = options
  const seen = new Map<string, Seen>()
  const times = { ...defaultTimes, ...options.times }
  const waiting = new Set<string>()
  const running = new Map<string, Promise<void>>()
  const again = new Set<string>()
  const looks = new Map<string, number>()
  const ghosts = new Map<string, number>()
  /** The clock of Redis as it was heard, and when that was by ours that never jumps. */
  let heard = { now: Date.now(), at: performance.now() }
  let workers: readonly SeenWorker[] | undefined
  let lastError = ''

  const now = (): number => Math.round(heard.now + performance.now() - heard.at)
  const tell = (error: unknown): void => {
    const text = error instanceof Error ? error.message : String(error)
    // An outage speaks in several ways, many times: it is logged once.
    const kind = error instanceof TelpherError && error.retryable ? 'outage' : text
    if (kind !== lastError) log({ level: 'warn', msg: 'the scheduler cannot go on', error: text })
    lastError = kind
  }
  /** Whether it is time for a look; the first one has a time of its own. */
  const isDue = (key: string, first: number): boolean => {
    if (now() < (looks.get(key) ?? first)) return false
    looks.set(key, now() + times.lookAfterMs)
    return true
  }
  const context: HandleContext = {
    store,
    queue,
    times,
    now,
    workers: () => workers,
    nudge: (id) => kick(id),
    finished: onFinished,
    saw: (id, what) => {
      if (what === undefined) seen.delete(id)
      else seen.set(id, what)
    },
    isLookDue: (job, admittedAt) => isDue(`${job.jobId}:${job.attempt}`, admittedAt + times.lookAfterMs),
    isRoomDue: (room) => isDue(`room ${room}`, now()),
  }
  const dropGhost = async (id: string): Promise<void> => {
    const since = ghosts.get(id) ?? now()
    ghosts.set(id, since)
    if (now() - since < times.ghostMs) return
    ghosts.delete(id)
    await store.deployments.forget(id)
  }
  const look = async (id: string): Promise<void> => {
    try {
      await handleDeployment(context, id).catch((error: unknown) => {
        if (error instanceof TelpherError && error.code === 'unknown_deployment') return dropGhost(id)
        throw error
      })
      lastError = ''
    } catch (error) {
      tell(error)
    }
  }
  const next = (): void => {
    for (const id of waiting) {
      if (running.size >= maxParallel) return
      waiting.delete(id)
      const done = look(id).finally(() => {
        running.delete(id)
        if (again.delete(id)) waiting.add(id)
        next()
      })
      running.set(id, done)
    }
  }
  const kick = (id: string): void => {
    if (signal.aborted) return
    if (running.has(id)) again.add(id)
    else waiting.add(id)
    next()
  }

  const followWakes = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        for await (const ids of store.wakes.follow(signal)) ids.forEach(kick)
      } catch (error) {
        tell(error)
        await sleep(times.sweepMs, undefined, { signal }).catch(() => {})
      }
    }
  }
  const sweepOnce = async (): Promise<void> => {
    const at = performance.now()
    heard = { now: await store.workers.now(), at }
    workers = (await store.workers.list()).filter(({ seenAt }) => now() - seenAt < times.deadAfterMs)
    for (const [key, due] of looks) if (due < now() - 2 * times.lookAfterMs) looks.delete(key)
    const active = new Set(await store.deployments.active())
    for (const id of seen.keys()) if (!active.has(id)) seen.delete(id)
    active.forEach(kick)
  }
  const sweep = async (): Promise<void> => {
    while (!signal.aborted) {
      await sweepOnce().catch(tell)
      await sleep(times.sweepMs, undefined, { signal }).catch(() => {})
    }
  }
  const run = async (): Promise<void> => {
    await Promise.all([followWakes(), sweep()])
    // Whoever was to be looked at next is another server's to look at, now and not at its next sweep.
    const left = new Set([...waiting, ...again])
    waiting.clear()
    again.clear()
    await Promise.all([...running.values(), ...[...left].map((id) => store.wakes.send(id).catch(() => {}))])
  }
  return { kick, overview: { active: seen, now }, stopped: run() }
}
