import type { Client, WorkerList } from '../client/http.ts'
import type { Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { deadAfterMs, isOlderVersion, type SeenWorker } from '../model/worker.ts'
import { wordOf } from './block.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print, table } from './output.ts'
import { age, safe, span } from './text.ts'

/** A job that a worker has in hand, as far as its deployment tells. */
interface Run {
  readonly deployment: string
  readonly job: string
  readonly attempt: number
  /** When this worker began, ms since the epoch by its own clock; absent from workers of an older version. */
  readonly since?: number
  readonly openWrites: number
  readonly step?: string
  readonly target?: string
  readonly status?: Job['status']
}

interface WorkerView extends Omit<SeenWorker, 'state' | 'attempts'> {
  readonly state: SeenWorker['state'] | 'offline'
  /** Whether it is of an older version than the server. */
  readonly outdated: boolean
  /** Why it takes no work; absent when it does. */
  readonly takesNone?: string
  readonly runs: readonly Run[]
}

const isOffline = ({ seenAt }: SeenWorker, now: number): boolean => now - seenAt > deadAfterMs

const reasonFor = (worker: SeenWorker, now: number): string | undefined => {
  if (isOffline(worker, now)) return `it was not heard for ${span(now - worker.seenAt)}`
  if (worker.takesNone !== undefined) return worker.takesNone
  if (worker.state === 'draining') return 'draining'
  return worker.attempts.length >= worker.concurrency ? 'all its slots are taken' : undefined
}

const viewOf = (worker: SeenWorker, { now, version }: Pick<WorkerList, 'now' | 'version'>, jobs: ReadonlyMap<string, Job>): WorkerView => {
  const { attempts, takesNone: _, ...rest } = worker
  const takesNone = reasonFor(worker, now)
  return {
    ...rest,
    state: isOffline(worker, now) ? 'offline' : worker.state,
    outdated: version !== undefined && isOlderVersion(worker.version, version),
    ...(takesNone === undefined ? {} : { takesNone }),
    runs: attempts.map(({ deploymentId, jobId, attempt, openWrites, since }) => {
      const job = jobs.get(jobId)
      return {
        deployment: deploymentId,
        job: jobId,
        attempt,
        openWrites,
        ...(since === undefined ? {} : { since }),
        ...(job === undefined ? {} : { step: job.step.name, target: job.target, status: job.status }),
      }
    }),
  }
}

/** `telpher worker list`. */
export const runWorkerList: Command<object> = async (cli) => {
  const list = await (await cli.client()).workers()
  const views = list.workers.map((worker) => viewOf(worker, list, new Map()))
  const rows = views.map((worker) => [
    worker.name,
    worker.pool,
    worker.state,
    `${worker.runs.length}/${worker.concurrency}`,
    `${worker.version}${worker.outdated ? ' (outdated)' : ''}`,
    age(worker.seenAt, list.now),
    worker.takesNone ?? '',
  ])
  await print(cli, list.workers, () =>
    rows.length === 0 ? '' : table(['NAME', 'POOL', 'STATE', 'BUSY', 'VERSION', 'SEEN', 'TAKES NO WORK'], rows),
  )
  if (rows.length === 0) cli.say('No workers yet. Start one with: telpher worker start')
  return exitCodes.ok
}

/** The jobs that workers have in hand; a deployment that is gone tells nothing. */
const jobsOf = async (client: Client, workers: readonly SeenWorker[]): Promise<ReadonlyMap<string, Job>> => {
  const ids = new Set(workers.flatMap(({ attempts }) => attempts.map(({ deploymentId }) => deploymentId)))
  const found = await Promise.all(
    [...ids].map((id) =>
      client.deployment(id).catch((thrown: unknown) => {
        if (thrown instanceof TelpherError && thrown.code === 'unknown_deployment') return { jobs: [] }
        throw thrown
      }),
    ),
  )
  return new Map(found.flatMap(({ jobs }) => jobs.map((job) => [job.jobId, job])))
}

const textOf = (worker: WorkerView, { now, version }: Pick<WorkerList, 'now' | 'version'>): string => {
  const { containers, loopMs } = worker
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['state', worker.state],
    ['takes none', worker.takesNone],
    ['id', worker.id],
    ['pool', worker.pool],
    ['version', `${worker.version}${worker.outdated ? ` (outdated: the server is ${version})` : ''}`],
    ['executor', worker.executor],
    ['started', `${age(worker.startedAt, now)} ago`],
    ['heard', `${age(worker.seenAt, now)} ago`],
    ['slots', `${worker.runs.length} of ${worker.concurrency} taken`],
    [
      'containers',
      containers && `${containers.waiting} wait; ${containers.warm} of ${containers.warm + containers.cold} jobs found one waiting`,
    ],
    ['event loop', loopMs === undefined ? undefined : `stood ${loopMs} ms at worst in its last second`],
  ]
  const rows = worker.runs.map((run) => [
    run.step === undefined ? run.job : `${run.step} → ${run.target}`,
    run.status === undefined ? '' : wordOf(run.status),
    String(run.attempt),
    run.since === undefined ? '' : age(run.since, now),
    String(run.openWrites),
    run.deployment,
  ])
  const runs = rows.length === 0 ? [] : table(['JOB', 'STATE', 'ATTEMPT', 'SINCE', 'WRITING', 'DEPLOYMENT'], rows).trimEnd().split('\n')
  return [
    safe(`worker ${worker.name}`),
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [safe(`  ${name.padEnd(12)} ${value}`)])),
    ...(runs.length === 0 ? ['  runs nothing'] : ['  runs', ...runs.map((line) => `    ${line}`)]),
    '',
  ].join('\n')
}

/** `telpher worker view NAME`: of several that had this name, the one that was heard last comes first. */
export const runWorkerView: Command<object> = async (cli, [name = '']) => {
  const client = await cli.client()
  const list = await client.workers()
  const named = list.workers.filter((worker) => worker.name === name || worker.id === name).toSorted((a, b) => b.seenAt - a.seenAt)
  if (named.length === 0)
    throw new TelpherError('unknown_worker', `no worker ${name.slice(0, 64)} was heard within the last hour`, { field: 'name' })
  const jobs = await jobsOf(client, named)
  const views = named.map((worker) => viewOf(worker, list, jobs))
  await print(cli, views, () => views.map((view) => textOf(view, list)).join('\n'))
  return exitCodes.ok
}
