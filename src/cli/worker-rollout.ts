import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError } from '../model/errors.ts'
import type { SeenWorker } from '../model/worker.ts'
import { aliveWorkers } from './alive.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { timeoutOf } from './seconds.ts'

interface RolloutFlags {
  readonly pool?: string
  readonly timeout?: string
}

/** Between two looks, in ms. */
const lookMs = 500

const isReady = ({ state }: SeenWorker): boolean => state !== 'draining'

/** The new worker that has taken a place, once the old one has gone; undefined as long as that is not so. */
const successorOf = (old: SeenWorker, now: readonly SeenWorker[], known: ReadonlySet<string>): SeenWorker | undefined =>
  now.some(({ id }) => id === old.id)
    ? undefined
    : now.find((worker) => worker.pool === old.pool && !known.has(worker.id) && isReady(worker))

interface Replaced {
  readonly name: string
  readonly pool: string
  readonly from: string
  readonly by: string
  readonly version: string
}

/**
 * `telpher worker rollout`: each worker that is alive now ends what it runs and then itself, one after the other, and the next one only when another
 * has taken its place. Whoever started them starts the new ones: the sandbox, a service manager, a Kubernetes Deployment.
 * @throws TelpherError wait_timed_out when no worker takes a place in time; those that come after it are left as they are
 */
export const runWorkerRollout: Command<RolloutFlags> = async (cli, _args, flags) => {
  const client = await cli.client()
  const timeoutMs = timeoutOf(flags) ?? 0
  // Idle ones first: new workers are there before the busy ones are waited for.
  const old = [...(await aliveWorkers(client, flags.pool))].filter(isReady).sort((a, b) => a.attempts.length - b.attempts.length)
  const known = new Set(old.map(({ id }) => id))
  const replaced: Replaced[] = []
  for (const worker of old) {
    const place = `${replaced.length + 1} of ${old.length}`
    cli.say(`${place}: ${worker.name} ends what it runs (${worker.attempts.length})`)
    await client.drainWorker(worker.name).catch((thrown: unknown) => {
      // One that has ended by itself has a place that somebody else takes.
      if (!(thrown instanceof TelpherError && thrown.code === 'unknown_worker')) throw thrown
    })
    let successor: SeenWorker | undefined
    for (const end = performance.now() + timeoutMs; successor === undefined; await pause(lookMs)) {
      successor = successorOf(worker, await aliveWorkers(client, flags.pool), known)
      if (successor === undefined && performance.now() > end)
        throw new TelpherError(
          'wait_timed_out',
          `${place}: no worker has taken the place of ${worker.name} within ${timeoutMs / 1000} s; whoever starts workers must start one again`,
        )
    }
    known.add(successor.id)
    replaced.push({ name: worker.name, pool: worker.pool, from: worker.version, by: successor.name, version: successor.version })
  }
  const rows = replaced.map(({ name, pool, from, by, version }) => [name, pool, from, by, version])
  await print(cli, replaced, () => table(['NAME', 'POOL', 'FROM', 'BY', 'VERSION'], rows))
  if (rows.length === 0) cli.say('No worker is alive.')
  return exitCodes.ok
}
