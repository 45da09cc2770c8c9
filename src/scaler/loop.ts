import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from '../model/pool.ts'
import type { Scale } from '../model/scale.ts'
import type { SeenWorker } from '../model/worker.ts'
import type { Driver } from './kubernetes.ts'

/** Between two looks, in ms: a first job waits for its worker's start and at most this. */
const lookMs = 1000
/** Another server takes over when this one was silent for so long, in ms. */
const turnMs = 15_000

export interface ScalerOptions {
  /** Whether this server is to scale for the next ms. */
  readonly turn: (forMs: number) => Promise<boolean>
  readonly pools: () => Promise<readonly Pool[]>
  /** How many workers a pool should have, noted as asked for, and its workers. */
  readonly scale: (pool: Pool) => Promise<{ readonly scale: Scale; readonly workers: readonly SeenWorker[] }>
  /** Absent where no Kubernetes was configured. */
  readonly driver?: Driver
  readonly log: (line: object) => void
  readonly signal: AbortSignal
}

/**
 * Starts the loop that takes Kubernetes Deployments to the number of workers that their pools should have. One of several servers does so at
 * a time; two that think so both ask for the same.
 * @returns settles when the loop has ended after the signal
 */
export const startScaler = ({ turn, pools, scale, driver, log, signal }: ScalerOptions): { readonly stopped: Promise<void> } => {
  const troubles = new Map<string, string>()
  const trouble = (name: string, error: unknown): void => {
    const text = error instanceof Error ? error.message : String(error)
    if (troubles.get(name) !== text) log({ level: 'warn', msg: 'a pool cannot be scaled', pool: name, error: text })
    troubles.set(name, text)
  }
  const one = async (pool: Pool): Promise<void> => {
    const { scale: asked, workers } = await scale(pool)
    if (pool.kubernetes === undefined) return
    if (driver === undefined) throw new Error('this server has no way to a Kubernetes of its own: see TELPHER_SCALER_KUBECONFIG')
    const before = await driver.scale(pool.kubernetes, asked.desired, workers)
    if (before !== asked.desired)
      log({ level: 'info', msg: 'scaled', pool: pool.name, from: before, to: asked.desired, because: asked.because })
    troubles.delete(pool.name)
  }
  const look = async (): Promise<void> => {
    if (!(await turn(turnMs))) return
    const managed = (await pools()).filter(({ scaling, replicas }) => scaling !== undefined || replicas !== undefined)
    await Promise.all(managed.map((pool) => one(pool).catch((error: unknown) => trouble(pool.name, error))))
  }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await look().catch((error: unknown) => trouble('', error))
      await sleep(lookMs, undefined, { signal }).catch(() => {})
    }
  }
  return { stopped: run() }
}
