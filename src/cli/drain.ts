import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import { TelpherError } from '../model/errors.ts'
import type { SeenWorker } from '../model/worker.ts'
import { aliveWorkers } from './alive.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { timeoutOf } from './seconds.ts'

interface DrainFlags {
  readonly all?: true
  readonly wait?: boolean
  readonly timeout?: string
}

/** Between two looks, in ms. */
const lookMs = 500

/** @throws TelpherError usage, unknown_worker */
const ask = async (client: Client, name: string | undefined, all: boolean): Promise<readonly SeenWorker[]> => {
  if (all === (name !== undefined)) throw new TelpherError('usage', 'name one worker, or say --all', { field: 'name' })
  if (name !== undefined) return (await client.drainWorker(name)).workers
  const names = new Set((await aliveWorkers(client)).map((worker) => worker.name))
  const asked: SeenWorker[] = []
  for (const each of names) {
    // One that has ended since it was listed has done what it would be asked for.
    const found = await client.drainWorker(each).catch((thrown: unknown) => {
      if (thrown instanceof TelpherError && thrown.code === 'unknown_worker') return { workers: [] }
      throw thrown
    })
    asked.push(...found.workers)
  }
  return asked
}

const running = (workers: readonly SeenWorker[]): number => workers.reduce((sum, { attempts }) => sum + attempts.length, 0)

/** `telpher worker drain NAME|--all`: a worker that starts again under the same name is another one. */
export const runWorkerDrain: Command<DrainFlags> = async (cli, [name], flags) => {
  const client = await cli.client()
  const timeoutMs = timeoutOf(flags) ?? 0
  const asked = await ask(client, name, flags.all === true)
  const ids = new Set(asked.map(({ id }) => id))
  let left: readonly SeenWorker[] = asked
  if (flags.wait !== false) {
    let told = ''
    for (const end = performance.now() + timeoutMs; ; await pause(lookMs)) {
      left = (await aliveWorkers(client)).filter(({ id }) => ids.has(id))
      if (left.length === 0) break
      const word = `waiting for ${left.map((worker) => worker.name).join(', ')}: ${running(left)} running`
      if (word !== told) cli.say(word)
      told = word
      if (performance.now() > end)
        throw new TelpherError(
          'wait_timed_out',
          `${left.length} of ${asked.length} workers still drain: ${left.map((worker) => worker.name).join(', ')}`,
        )
    }
  }
  const still = new Set(left.map(({ id }) => id))
  const rows = asked.map((worker) => [worker.name, worker.pool, still.has(worker.id) ? 'draining' : 'drained'])
  const result = asked.map((worker) => ({ name: worker.name, id: worker.id, pool: worker.pool, drained: !still.has(worker.id) }))
  await print(cli, result, () => (rows.length === 0 ? '' : table(['NAME', 'POOL', 'STATE'], rows)))
  if (rows.length === 0) cli.say('No worker is alive.')
  return exitCodes.ok
}
