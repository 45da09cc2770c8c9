import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '../src/log.ts'
import type { ContainerSpec, Executor } from '../src/model/ports.ts'
import { deadAfterMs } from '../src/model/worker.ts'
import type { Store } from '../src/store/index.ts'
import { openContainer, type ReadyContainer } from './container.ts'
import { createWarmPool, type WarmPool } from './warm.ts'

interface ContainersOptions {
  readonly executor: Executor
  readonly store: Pick<Store, 'workers'>
  readonly log: Log
  /** The most containers that wait for jobs. */
  readonly warm: number
  /** Tells our containers from those of others on the same engine. */
  readonly installation: string
  readonly pool: string
  /** Id of this worker. */
  readonly worker: string
}

/** Every container of this worker, and the removal of what nobody holds. */
export interface Containers extends WarmPool {
  /**
   * Removes what nobody holds any more on this engine, by the labels of our installation and pool: the containers of
   * workers that are not alive, and those of our own that could not be removed at their end.
   */
  sweep(): Promise<void>
}

/** What is still being removed at the end is waited for, in ms; then it is the next worker's to sweep. */
const longestRemovalMs = 5000
/** Tells one container of a worker from its others; the sweep keeps those that are in use or wait. */
const tokenLabel = 'telpher.container'

export const createContainers = ({ executor, store, log, warm, installation, pool, worker }: ContainersOptions): Containers => {
  const held = new Set<string>()
  let released = (): void => {}
  const open = (spec: ContainerSpec, signal?: AbortSignal): Promise<ReadyContainer> => {
    const token = randomBytes(8).toString('hex')
    const labelled = { ...spec, labels: { ...spec.labels, [tokenLabel]: token } }
    const onEnd = (left?: Error): void => {
      held.delete(token)
      released()
      if (left !== undefined) log.warn({ err: left }, 'a container could not be removed: the next sweep will')
    }
    held.add(token)
    return openContainer(executor, labelled, onEnd, signal).catch((thrown: unknown) => {
      onEnd()
      throw thrown
    })
  }
  const waiting = createWarmPool({
    open,
    most: warm,
    freeMemory: () => process.availableMemory(),
    onTrouble: (err) => log.warn({ err }, 'a container could not be started ahead of its job'),
  })

  /** Resolves when no container is held any more; they have their own time limits. */
  const allReleased = async (): Promise<void> => {
    while (held.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      released = resolve
      await promise
    }
  }

  return {
    ...waiting,
    async close() {
      await waiting.close()
      await Promise.race([allReleased(), pause(longestRemovalMs, undefined, { ref: false })])
    },
    async sweep() {
      const now = await store.workers.now()
      const alive = new Set((await store.workers.list()).filter(({ seenAt }) => now - seenAt < deadAfterMs).map(({ id }) => id))
      const isHeld = (labels: Readonly<Record<string, string>>): boolean =>
        labels['telpher.worker'] === worker ? held.has(labels[tokenLabel] ?? '') : alive.has(labels['telpher.worker'] ?? '')
      const removed = await executor.reap({ 'telpher.installation': installation, 'telpher.pool': pool }, isHeld)
      if (removed > 0) log.info({ removed }, 'removed containers that nobody holds')
    },
  }
}
