import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cacheDir } from './paths.ts'

/** One stage of set-up or start. */
export interface ProgressEvent {
  readonly stage: string
  readonly state: 'start' | 'done' | 'fail'
  /** How long it took. */
  readonly ms?: number
  /** How long it took last time, or is expected to take on two cores. */
  readonly estimateMs?: number
  readonly detail?: string
}

export type OnProgress = (event: ProgressEvent) => void

const file = (): string => `${cacheDir()}/durations.json`

const readDurations = (): Record<string, number> => {
  try {
    return JSON.parse(readFileSync(file(), 'utf8')) as Record<string, number>
  } catch {
    return {}
  }
}

/** How long a stage took last time on this machine. @param expectedMs taken when it never ran here */
export const estimate = (stage: string, expectedMs: number): number => readDurations()[stage] ?? expectedMs

/**
 * Runs one stage, telling its start, its end and how long it took; the next estimate is what it took now.
 * @throws what the work throws, after telling that the stage failed
 */
export const staged = async <T>(onProgress: OnProgress, stage: string, expectedMs: number, work: () => Promise<T>): Promise<T> => {
  onProgress({ stage, state: 'start', estimateMs: estimate(stage, expectedMs) })
  const started = performance.now()
  try {
    const result = await work()
    const ms = Math.round(performance.now() - started)
    mkdirSync(cacheDir(), { recursive: true })
    writeFileSync(file(), JSON.stringify({ ...readDurations(), [stage]: ms }, undefined, 1))
    onProgress({ stage, state: 'done', ms })
    return result
  } catch (error) {
    onProgress({
      stage,
      state: 'fail',
      ms: Math.round(performance.now() - started),
      detail: error instanceof Error ? error.message : String(error),
    })
    throw error
  }
}
