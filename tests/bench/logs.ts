import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Executor } from '../../src/model/ports.ts'
import { Secret } from '../../src/model/secret.ts'
import { openStore } from '../../src/store/index.ts'
import type { JobLog } from '../../src/store/types.ts'
import type { TetherOptions } from '../../src/tether/index.ts'
import { createLogs } from '../../workers/logs/logs.ts'
import { createPipeline } from '../../workers/logs/pipeline.ts'
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

/** What an attempt knows that must not be seen: as long as a token of a service account. */
const secret = 'eyJhbGciOiJSUzI1NiJ9.'.padEnd(900, 'c2VydmljZS1hY2NvdW50')

/**
 * `logs.pipeline_mb_s`: the same with all that a worker does to output: masked, cut into lines, packed, stored in Redis under the usual cap.
 * `logs.event_loop_max_ms`: the longest time for which the worker answered nobody while output came at 100 MB/s. The peer does the same
 * work on one thread.
 * @param redisUrl where the lines go; they are gone with the stack
 * @throws Error when a run did not bring all bytes
 */
export const pipelineSuite = async ({ executor, runs, redisUrl }: LogsContext & { redisUrl: string }): Promise<Figure[]> => {
  const store = await openStore({ url: redisUrl })
  const logs = createLogs()
  let count = 0
  const newLog = (): JobLog => store.logs({ deploymentId: 'dep_bench', jobId: `job_${++count}` })
  const speeds: number[] = []
  const [stalls, peers]: [number[], number[]] = [[], []]
  try {
    for (let run = 0; run < runs; run++) {
      const log = logs.open(newLog())
      log.hide([new Secret(secret)])
      // The thread has started, and has made its table of the secret.
      await log.output('stdout', Buffer.from('first\n'))
      await log.flush()
      speeds.push(await measure(executor, log.output))
      stalls.push(await stallOf(log.output))
      await log.end()
      log.close()
      const peer = onOneThread(newLog())
      peers.push(await stallOf(peer.output))
      await peer.stored()
    }
  } finally {
    await logs.close()
    await store.close()
  }
  const [ours, theirs] = [median(stalls), median(peers)]
  return [
    { id: 'logs.pipeline_mb_s', value: rounded(median(speeds)), unit: 'MB/s', runs },
    {
      id: 'logs.event_loop_max_ms',
      value: rounded(ours),
      unit: 'ms',
      runs,
      ratio: rounded(ours / theirs),
      peer: { name: 'one thread', value: rounded(theirs) },
    },
  ]
}

const onOneThread = (log: JobLog): { output: TetherOptions['onOutput']; stored(): Promise<void> } => {
  let last: Promise<void> = Promise.resolve()
  const pipeline = createPipeline(1, (message) => {
    if (message.type === 'blocks') last = last.then(() => log.appendPacked(message.blocks))
  })
  pipeline.take({ log: 1, type: 'hide', secrets: [secret] })
  return {
    output: (stream, bytes) => {
      pipeline.take({ log: 1, type: 'output', stream, bytes })
      return last
    },
    stored: () => {
      pipeline.take({ log: 1, type: 'ask', id: 1, what: 'flush' })
      return last
    },
  }
}

/** The longest time in ms for which this thread answered nobody while output came at 100 MB/s for some seconds. */
const stallOf = async (output: TetherOptions['onOutput']): Promise<number> => {
  const chunk = Buffer.from(`${line}\n`.repeat(800))
  const resolution = 1
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  const start = performance.now()
  for (let sent = 0; sent < bytes; ) {
    const due = (performance.now() - start) * 100_000
    while (sent < due) {
      void output('stdout', chunk)
      sent += chunk.length
    }
    await new Promise(setImmediate)
  }
  delay.disable()
  return Math.max(0, delay.max / 1e6 - resolution)
}

const measure = async (executor: Executor, onOutput?: TetherOptions['onOutput']): Promise<number> => {
  let received = 0
  let startedAt = 0
  const { tether, end } = await startWaiting(executor, 'logs', {
    onOutput: (name, chunk) => {
      if (received === 0) startedAt = performance.now()
      received += chunk.length
      return onOutput?.(name, chunk)
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
