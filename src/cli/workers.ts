import type { Command } from 'commander'
import { deadAfterMs } from '../model/worker.ts'
import { clientOf, flagsOf } from './context.ts'
import { age, print, table } from './output.ts'

/** `telpher worker list`. @returns the exit code */
export const runWorkerList = async (command: Command): Promise<number> => {
  const { workers, now } = await clientOf(command).workers()
  print(flagsOf(command).output, workers, () =>
    workers.length === 0
      ? 'No workers yet. Start one with: telpher worker start\n'
      : table(
          ['NAME', 'POOL', 'STATE', 'BUSY', 'VERSION', 'SEEN'],
          workers.map((worker) => [
            worker.name,
            worker.pool,
            now - worker.seenAt > deadAfterMs ? 'offline' : worker.state,
            `${worker.attempts.length}/${worker.concurrency}`,
            worker.version,
            age(worker.seenAt, now),
          ]),
        ),
  )
  return 0
}
