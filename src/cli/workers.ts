import { deadAfterMs } from '../model/worker.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { age } from './text.ts'

/** `telpher worker list`. */
export const runWorkerList: Command<object> = async (cli) => {
  const { workers, now } = await (await cli.client()).workers()
  const rows = workers.map((worker) => [
    worker.name,
    worker.pool,
    now - worker.seenAt > deadAfterMs ? 'offline' : worker.state,
    `${worker.attempts.length}/${worker.concurrency}`,
    worker.version,
    age(worker.seenAt, now),
  ])
  await print(cli, workers, () => (rows.length === 0 ? '' : table(['NAME', 'POOL', 'STATE', 'BUSY', 'VERSION', 'SEEN'], rows)))
  if (rows.length === 0) cli.say('No workers yet. Start one with: telpher worker start')
  return exitCodes.ok
}
