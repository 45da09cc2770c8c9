import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../client/http.ts'
import { TelpherError } from '../model/errors.ts'
import { Secret } from '../model/secret.ts'
import { createLocalDriver } from '../scaler/local.ts'
import type { TelpherProcess } from './processes.ts'
import type { Stack } from './stack.ts'

/** How many workers a sandbox has. */
export interface WorkerRange {
  readonly min: number
  readonly max: number
}

/** Between two looks, in ms: a first job waits for its worker's start and at most this. */
const lookMs = 500
const pool = 'default'
/** A sandbox is for looking at: workers that nobody needs go soon. */
const coolDownSeconds = 30
const mostWorkers = 16

/** `2`, or `0..4`. @throws TelpherError usage that names the flag */
export const workerRange = (text: string): WorkerRange => {
  const [, low, high = low] = /^(\d{1,2})(?:\.\.(\d{1,2}))?$/.exec(text) ?? []
  const [min, max] = [Number(low), Number(high)]
  if (low === undefined || min > max || max < 1 || max > mostWorkers)
    throw new TelpherError('usage', `--workers ${text}: give a number such as 2, or a range such as 0..4, at most ${mostWorkers}`, {
      field: '--workers',
    })
  return { min, max }
}

/**
 * Lets the sandbox's pool be scaled by what there is to do, with worker processes of this machine.
 * @param onChange told what is done
 * @returns ends it; the workers stay
 */
export const scaleWorkers = async (
  stack: Pick<Stack, 'server' | 'addWorker'>,
  range: WorkerRange & { readonly coolDownSeconds?: number },
  onChange: (text: string) => void = () => {},
): Promise<() => Promise<void>> => {
  const client = createClient(stack.server.url, new Secret((await readFile(stack.server.tokenFile, 'utf8')).trim()))
  await client.changePool(pool, { scaling: { coolDownSeconds, ...range } })
  const processes = new Map<string, TelpherProcess>()
  let started = 0
  const driver = createLocalDriver({
    alive: () => [...processes.keys()],
    start: () => {
      const name = `scaled-${++started}`
      const child = stack.addWorker(name)
      processes.set(name, child)
      void child.exited.then(() => processes.delete(name))
      return name
    },
    drain: async (name) => {
      await client.drainWorker(name)
    },
  })
  const ending = new AbortController()
  const look = async (): Promise<void> => {
    const [scale, { workers }] = await Promise.all([client.scale(pool), client.workers()])
    const { start, drain } = await driver(scale.desired, workers)
    if (start > 0) onChange(`starting ${start} more: ${scale.because[0]}`)
    if (drain.length > 0) onChange(`ending ${drain.join(', ')}: ${scale.because[0]}`)
  }
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await look().catch(() => {})
      await sleep(lookMs, undefined, { signal: ending.signal }).catch(() => {})
    }
  }
  const running = run()
  return async () => {
    ending.abort()
    await running
  }
}
