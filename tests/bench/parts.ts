import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { assess } from '../../src/cluster/assess/index.ts'
import type { KubeObject } from '../../src/model/verdict.ts'
import { checkout } from '../../src/sandbox/paths.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

/** Resident memory of a process, in MB (proc(5): VmRSS is in KiB). */
const residentMb = (pid: number): number =>
  (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024) / 1e6

/** `worker.idle_rss_mb`: a worker that has not had a job yet. */
export const idleMemory = ({ stack, runs }: { readonly stack: Stack; readonly runs: number }): Figure[] => [
  {
    id: 'worker.idle_rss_mb',
    value: rounded(median(stack.workers.map(({ pid }) => residentMb(pid)))),
    unit: 'MB',
    runs: Math.min(runs, stack.workers.length),
  },
]

/** `cli.version_ms`: the launcher of the checkout, from start to end. */
export const versionTime = async (runs: number): Promise<Figure[]> => {
  const times = await timed(runs + 1, () => execa(`${checkout}telpher`, ['version']))
  return [{ id: 'cli.version_ms', value: rounded(median(times.slice(1))), unit: 'ms', runs }]
}

const labelled = new URL('../fixtures/health/argo-open.ndjson', import.meta.url)

/** `assess.objects_per_s`: objects of many kinds, each judged once a round, in this process. */
export const assessRate = async (runs: number): Promise<Figure[]> => {
  const objects = readFileSync(labelled, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { object: KubeObject }).object)
  const rounds = 50
  const times = await timed(runs + 1, async () => {
    for (let round = 0; round < rounds; round++) for (const object of objects) assess(object)
  })
  return [
    { id: 'assess.objects_per_s', value: rounded((rounds * objects.length * 1000) / median(times.slice(1))), unit: 'objects/s', runs },
  ]
}

const commandsOf = async (stack: Stack): Promise<number> =>
  Number(/total_commands_processed:(\d+)/.exec(await stack.redis.command('INFO', 'stats'))?.[1] ?? Number.NaN)

/** `redis.commands_per_job`: everything that Redis processed, scripts' own commands included, less what an idle time of the same length takes. */
export const commandsPerJob = async (stack: Stack, deploy: () => Promise<void>, runs: number): Promise<Figure[]> => {
  const counts: number[] = []
  for (let run = 0; run < runs; run++) {
    const [before, begun] = [await commandsOf(stack), performance.now()]
    await deploy()
    const [after, took] = [await commandsOf(stack), performance.now() - begun]
    await new Promise((resolve) => setTimeout(resolve, took))
    counts.push(after - before - ((await commandsOf(stack)) - after))
  }
  return [{ id: 'redis.commands_per_job', value: rounded(median(counts)), unit: 'commands', runs }]
}

/** Waits until the server lists a worker. */
export const workerIsThere = async (stack: Stack): Promise<void> => {
  const client = await clientOf(stack)
  await eventually(async () => (await client.workers()).workers.length >= stack.workers.length)
}
