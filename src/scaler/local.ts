import type { SeenWorker } from '../model/worker.ts'

/** Worker processes of this machine. */
export interface LocalWorkers {
  /** Starts one, and returns its name. */
  start(): string
  /** Asks one to end when what it runs has ended. */
  drain(name: string): Promise<void>
  /** Names of those that were started and have not ended. */
  alive(): readonly string[]
}

/** What a local driver does next. */
export interface LocalMove {
  readonly start: number
  readonly drain: readonly string[]
}

/**
 * How to come to a number of worker processes: those that were started and not heard yet count, those that drain do not. Only idle
 * ones are drained, the youngest first: their caches have seen the least.
 * @param alive names of processes, the oldest first
 * @param draining names of those that were asked to
 */
export const moveOf = (
  desired: number,
  alive: readonly string[],
  draining: ReadonlySet<string>,
  workers: readonly SeenWorker[],
): LocalMove => {
  const staying = alive.filter((name) => !draining.has(name))
  const surplus = staying.length - desired
  if (surplus <= 0) return { start: -surplus, drain: [] }
  const idle = staying.filter((name) => workers.some((worker) => worker.name === name && worker.state === 'available'))
  return { start: 0, drain: idle.slice(-surplus) }
}

/** Takes worker processes of this machine to the number that is asked for. */
export const createLocalDriver = (local: LocalWorkers): ((desired: number, workers: readonly SeenWorker[]) => Promise<LocalMove>) => {
  const draining = new Set<string>()
  return async (desired, workers) => {
    const alive = local.alive()
    for (const name of draining) if (!alive.includes(name)) draining.delete(name)
    const move = moveOf(desired, alive, draining, workers)
    for (let index = 0; index < move.start; index++) local.start()
    for (const name of move.drain) {
      draining.add(name)
      // It may have ended by itself meanwhile; else it is asked again at the next look.
      await local.drain(name).catch(() => draining.delete(name))
    }
    return move
  }
}
