import type { Deployment, Job, JobRef, RunState } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Result } from '../model/states.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys } from './keys.ts'

/** A job as stored: its step and its last moment are in the request of its deployment. */
export type StoredJob = Omit<Job, 'step' | 'endBy' | 'trace' | 'needs'>

/** What never changes of a deployment. */
export type FixedDeployment = Pick<
  Deployment,
  'id' | 'request' | 'targets' | 'namespaces' | 'lineage' | 'trace' | 'producer' | 'by' | 'needs' | 'createdAt'
>

export const unknownDeployment = (id: string): TelpherError => new TelpherError('unknown_deployment', `there is no deployment ${id}`)

/** The job without what its deployment says, for storing. */
export const dehydrate = ({ step: _, endBy: __, trace: ___, needs: ____, ...job }: Job): StoredJob => job

/** The job with what its deployment says. */
export const rehydrate = (deployment: FixedDeployment, job: StoredJob): Job => {
  const step = deployment.request.steps[job.stepIndex]
  if (step === undefined) throw new TelpherError('internal', `job ${job.jobId} names a step that its deployment does not have`)
  const { request, trace, needs, createdAt } = deployment
  return {
    ...job,
    step,
    ...(trace === undefined ? {} : { trace }),
    ...(needs === undefined ? {} : { needs }),
    ...(request.deadlineSeconds === undefined ? {} : { endBy: createdAt + request.deadlineSeconds * 1000 }),
  }
}

/** A record's hash as a deployment. */
export const parseRecord = (id: string, record: Readonly<Record<string, string>>): Deployment => {
  const { deployment, state, result, startedAt, endedAt } = record
  if (deployment === undefined || state === undefined) throw unknownDeployment(id)
  return {
    ...(JSON.parse(deployment) as FixedDeployment),
    state: state as RunState,
    ...(result === undefined ? {} : { result: result as Result }),
    ...(startedAt === undefined ? {} : { startedAt: Number(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: Number(endedAt) }),
  }
}

/** The ids of a jobs hash. */
export const jobIds = (jobs: Readonly<Record<string, string>>): string[] => Object.keys(jobs).filter((field) => !field.endsWith('#'))

const cacheSize = 1000

/** Remembers what never changes of the deployments that were last asked for. */
export const createFixedCache = (connection: Connection): ((id: string) => Promise<FixedDeployment>) => {
  const known = new Map<string, FixedDeployment>()
  return async (id) => {
    const cached = known.get(id)
    if (cached !== undefined) return cached
    const text = await connection.call((redis) => redis.hget(deploymentKeys(id).record, 'deployment'))
    if (text === null) throw unknownDeployment(id)
    const deployment = JSON.parse(text) as FixedDeployment
    const [oldest] = known.keys()
    if (known.size >= cacheSize && oldest !== undefined) known.delete(oldest)
    known.set(id, deployment)
    return deployment
  }
}

/** A job of that id that its deployment does not have is as unknown as the deployment. */
export const unknownJob = ({ deploymentId, jobId }: JobRef): TelpherError =>
  new TelpherError('unknown_deployment', `there is no job ${jobId} in deployment ${deploymentId}`)
