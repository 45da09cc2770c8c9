import { readFile } from 'node:fs/promises'
import { type Client, createClient } from '../../src/client/http.ts'
import type { Job } from '../../src/model/deployment.ts'
import { Secret } from '../../src/model/secret.ts'
import { isTerminal, type JobStatus } from '../../src/model/states.ts'
import type { TelpherProcess } from '../../src/sandbox/processes.ts'
import type { CliResult } from './cli.ts'
import type { E2e } from './e2e-stack.ts'
import { eventually } from './eventually.ts'

/** A client of the stack's server, beside the CLI. */
export const clientOf = async ({ stack }: Pick<E2e, 'stack'>): Promise<Client> =>
  createClient(stack.server.url, new Secret((await readFile(stack.server.tokenFile, 'utf8')).trim()))

/** A deployment that `telpher deploy` follows while the test breaks something. */
export interface Running {
  /** What the command came to. */
  readonly ended: Promise<CliResult>
  /** Resolves with the job when it is in this state. @throws Error when it ended before */
  reaches(status: JobStatus): Promise<Job>
}

/** Starts `telpher deploy -o json …` in a stack that runs nothing else. */
export const begin = async (e2e: E2e, path: string, target: string, ...more: string[]): Promise<Running> => {
  const client = await clientOf(e2e)
  const known = new Set((await client.deployments(100)).deployments.map(({ id }) => id))
  const ended = e2e.deploy(path, target, ...more)
  let id: string | undefined
  const job = async (): Promise<Job | undefined> => {
    id ??= (await client.deployments(100)).deployments.find((deployment) => !known.has(deployment.id))?.id
    return id === undefined ? undefined : (await client.deployment(id)).jobs[0]
  }
  return {
    ended,
    async reaches(status) {
      const found = await eventually(async () => {
        const now = await job()
        return now !== undefined && (now.status === status || isTerminal(now.status)) && now
      }, 120_000)
      if (found.status !== status) throw new Error(`the job is ${found.status} already, not ${status}: ${found.end?.sentence}`)
      return found
    },
  }
}

/** ConfigMaps enough to keep kubectl busy for a second or more: it sends one after the other. */
export const configMaps = (count: number): Readonly<Record<string, string>> => ({
  'maps.yaml': Array.from({ length: count }, (_, index) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `map-${index}` }, data: { index: String(index) } }),
  ).join('\n---\n'),
})

/** Resolves with the job when it runs and the cluster has the first of its ConfigMaps. @throws Error when it ended before */
export const midApply = async ({ cluster }: Pick<E2e, 'cluster'>, running: Running, namespace: string): Promise<Job> => {
  await running.reaches('running')
  const path = `/api/v1/namespaces/${namespace}/configmaps?limit=20`
  await eventually(async () => (JSON.parse((await cluster.api('GET', path)).body) as { items: unknown[] }).items.length === 20, 120_000)
  return running.reaches('running')
}

/** The process of the worker that holds a job. @throws Error when it is none of the stack's */
export const holderOf = async (e2e: E2e, job: Job): Promise<TelpherProcess & { readonly name: string }> => {
  const { workers } = await (await clientOf(e2e)).workers()
  const name = workers.find(({ id }) => id === job.worker)?.name ?? ''
  const holder = e2e.stack.workers.find(({ logFile }) => logFile.endsWith(`/${name}.log`))
  if (holder === undefined) throw new Error(`no process of worker ${name}`)
  return { ...holder, name }
}
