import type { Executor } from '../../src/model/ports.ts'
import { startWaiting } from './container.ts'
import { type Figure, median, rounded } from './figures.ts'

const megabytes = 256
const bytes = megabytes * 1_000_000
// 80 bytes with the newline, as log lines are.
const line = 'the quick brown fox jumps over the lazy dog and writes one more line of the log'

export interface LogsContext {
  /** An executor of a Docker engine that has the execution image. */
  readonly executor: Executor
  readonly runs: number
}

/**
 * `logs.docker_mb_s`: megabytes a second of a job's output through docker attach and the tether, from the first byte to the exit record,
 * received and checksummed (the tether compares the CRC with the shim's), without the store's cap.
 * @throws Error when a run did not bring all bytes
 */
export const logsSuite = async ({ executor, runs }: LogsContext): Promise<Figure[]> => {
  const speeds: number[] = []
  for (let run = 0; run < runs; run += 1) speeds.push(await measure(executor))
  return [{ id: 'logs.docker_mb_s', value: rounded(median(speeds)), unit: 'MB/s', runs }]
}

const measure = async (executor: Executor): Promise<number> => {
  let received = 0
  let startedAt = 0
  const { tether, end } = await startWaiting(executor, 'logs', {
    onOutput: (_name, chunk) => {
      if (received === 0) startedAt = performance.now()
      received += chunk.length
    },
    onConnection: (connection) => connection.destroy(),
  })
  try {
    const argv = ['sh', '-c', `yes '${line}' | head -c ${bytes}`]
    const exit = await tether.run({ argv, env: { PATH: '/usr/local/bin:/usr/bin:/bin' }, cwd: '/work' })
    const seconds = (performance.now() - startedAt) / 1000
    if (exit.code !== 0 || received !== bytes) throw new Error(`${received} of ${bytes} bytes came, exit code ${exit.code}`)
    return megabytes / seconds
  } finally {
    await end()
  }
}
