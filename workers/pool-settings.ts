import type { Log } from '../src/log.ts'
import type { Pool } from '../src/model/pool.ts'

/** Between two looks at what is said of the pool, in ms: a change needs no restart of its workers. */
const lookMs = 2000

interface FollowOptions {
  /** The pool as it is. */
  readonly read: () => Promise<Pool>
  /** What this worker itself was told. */
  readonly own: { readonly concurrency: number; readonly image?: string | undefined; readonly executor: 'docker' | 'process' }
  readonly onConcurrency: (concurrency: number) => void
  readonly log: Log
}

/** What holds for this worker now: what is said of its pool, or else what it was told itself. */
export interface PoolSettings {
  concurrency(): number
  /** Execution image of steps that name none; undefined where it is chosen by the version of each target's API server. */
  image(): string | undefined
  stop(): void
}

/** Follows what is said of this worker's pool; what cannot be read stays as it was. @throws whatever the first look throws */
export const followPool = async ({ read, own, onConcurrency, log }: FollowOptions): Promise<PoolSettings> => {
  let pool = await read()
  const concurrency = (): number => pool.concurrency ?? own.concurrency
  const look = async (): Promise<void> => {
    const before = concurrency()
    pool = await read()
    if (concurrency() === before) return
    log.info({ concurrency: concurrency(), before }, 'its pool says how many steps it runs at a time')
    onConcurrency(concurrency())
  }
  const timer = setInterval(() => {
    look().catch((err: unknown) => log.debug({ err }, 'what is said of the pool cannot be read'))
  }, lookMs)
  return {
    concurrency,
    image: () => (own.executor === 'process' ? own.image : (pool.image ?? own.image)),
    stop: () => clearInterval(timer),
  }
}
