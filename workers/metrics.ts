import { tellOwn } from '../src/telemetry/own.ts'
import type { Registry } from '../src/telemetry/registry.ts'
import { version } from '../src/version.ts'
import type { WarmPool } from './warm.ts'

/** What a worker is when somebody asks for its metrics. */
export interface WorkerNow {
  readonly containers: ReturnType<WarmPool['counts']>
  /** How often a connection to Redis was made again. */
  readonly reconnects: number
  readonly isReady: boolean
  /** Attempts that it runs. */
  readonly busy: number
  /** Attempts that it may run at a time. */
  readonly concurrency: number
}

/** Writes down what a worker is now; what happened is counted as it happens. */
export const tellWorker = (registry: Registry, { containers, reconnects, isReady, busy, concurrency }: WorkerNow): void => {
  tellOwn(registry, 'worker', version)
  registry.count('telpher_containers_taken_total', { start: 'warm' }, containers.warm)
  registry.count('telpher_containers_taken_total', { start: 'cold' }, containers.cold)
  registry.set('telpher_containers_waiting', {}, containers.idle)
  registry.count('telpher_redis_reconnects_total', {}, reconnects)
  registry.set('telpher_worker_ready', {}, isReady ? 1 : 0)
  registry.set('telpher_worker_slots', { state: 'busy' }, busy)
  registry.set('telpher_worker_slots', { state: 'free' }, Math.max(0, concurrency - busy))
}
