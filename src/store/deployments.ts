import type { Deployment, DeploymentEvent, RunState } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { auditKeys, deploymentKeys, indexKeys } from './keys.ts'
import { listDeployments } from './list.ts'
import { isFull } from './persist.ts'
import { dehydrate, type FixedDeployment, jobIds, parseRecord, rehydrate, type StoredJob } from './records.ts'
import type { Replicate } from './replicate.ts'
import type { DeploymentPatch, Deployments, JobSnapshot, StoreLimits, Wakes } from './types.ts'

const deploymentEvent = (state: RunState, patch: DeploymentPatch): DeploymentEvent => ({
  type: 'deployment',
  at: Date.now(),
  state,
  ...(patch.result === undefined ? {} : { result: patch.result }),
})

const snapshotOf = (deployment: Deployment, jobs: Record<string, string>, marks: Record<string, string>): JobSnapshot[] =>
  jobIds(jobs)
    .map((id) => {
      const job = rehydrate(deployment, JSON.parse(jobs[id] ?? '{}') as StoredJob)
      const admittedAt = marks[`admitted:${id}`]
      const renewedAt = marks[`renewed:${id}`]
      return {
        job,
        settled: marks[`settled:${id}`] !== undefined,
        ...(admittedAt === undefined ? {} : { admittedAt: Number(admittedAt) }),
        ...(renewedAt === undefined ? {} : { renewedAt: Number(renewedAt) }),
      }
    })
    .sort((a, b) => a.job.stepIndex - b.job.stepIndex || (a.job.target < b.job.target ? -1 : 1))

/** Records looked at in one go. */
const pageSize = 500

/** The deployments: record and jobs of each in one slot, found through two indexes in another. */
export const createDeployments = (connection: Connection, limits: StoreLimits, wakes: Wakes, replicate: Replicate): Deployments => {
  /** Up to where the kept ones were looked at. */
  let looked = '-'
  const read = async (id: string) => {
    const keys = deploymentKeys(id)
    const [record, jobs, marks] = await connection.call((redis) =>
      Promise.all([redis.hgetall(keys.record), redis.hgetall(keys.jobs), redis.hgetall(keys.marks)]),
    )
    const deployment = parseRecord(id, record)
    return { deployment, jobs: snapshotOf(deployment, jobs, marks) }
  }
  const stateOf = (id: string): Promise<string | null> => connection.call((redis) => redis.hget(deploymentKeys(id).record, 'state'))
  const isUnderWay = async (id: string): Promise<boolean> => {
    const state = await stateOf(id)
    return state !== null && state !== 'finished'
  }
  const index = async (id: string): Promise<void> => {
    await connection.call((redis) => redis.multi().zadd(indexKeys.active, 0, id).zadd(indexKeys.deployments, 0, id).exec())
  }
  const forget = async (id: string): Promise<void> => {
    if (await isUnderWay(id)) return
    await connection.call((redis) => redis.zrem(indexKeys.active, id))
    // What was read may be lost with the master that said it: one that is under way and not on the list would never go on.
    if (await isUnderWay(id)) await index(id)
  }
  /** What was refused leaves no trace; what an earlier try stored stays. */
  const undo = async (id: string): Promise<void> => {
    await connection.call(async (redis) => {
      if ((await redis.exists(deploymentKeys(id).record)) === 1) return
      await Promise.all([redis.zrem(indexKeys.active, id), redis.zrem(indexKeys.deployments, id)])
    })
  }
  return {
    create: async (deployment, jobs, secrets = []) => {
      const { state, result: _result, startedAt: _startedAt, endedAt: _endedAt, ...fixed } = deployment
      const { id } = fixed
      const keys = deploymentKeys(id)
      // Indexed first: a record that no index knows would never run, an index entry without a record is swept.
      await index(id)
      const args = [
        JSON.stringify(fixed),
        state,
        JSON.stringify(deploymentEvent(state, {})),
        secrets.length,
        ...secrets.flatMap((sealed) => [sealed.id, JSON.stringify(sealed)]),
        ...jobs.flatMap((job) => [job.jobId, JSON.stringify(dehydrate(job))]),
      ]
      await connection
        .script('create-deployment', [keys.record, keys.jobs, keys.events, keys.secrets], args)
        .catch(async (error: unknown) => {
          if (isFull(error)) await undo(id).catch(() => {})
          throw error
        })
      await replicate([keys.record, indexKeys.active])
      // Another master may serve by now, that has the record and not what was written before it, or neither.
      if ((await stateOf(id)) === null) throw new TelpherError('redis_unreachable', `a fail-over of Redis has just lost deployment ${id}`)
      if (await isUnderWay(id)) await index(id)
      await wakes.send(id).catch(() => {})
    },
    get: async (id) => {
      const { deployment, jobs } = await read(id)
      return { deployment, jobs: jobs.map(({ job }) => job) }
    },
    list: (options) => listDeployments(connection, options),
    active: () => connection.call((redis) => redis.zrange(indexKeys.active, '0', '-1')),
    advance: async (id, from, to, patch, { onlySettled = false } = {}) => {
      const keys = deploymentKeys(id)
      const fields = Object.entries(patch).filter(([, value]) => value !== undefined)
      const changed = await connection.script(
        'change-deployment',
        [keys.record, keys.events, keys.jobs, keys.marks, keys.emitters, keys.secrets],
        [
          from,
          to,
          JSON.stringify(deploymentEvent(to, patch)),
          limits.events,
          to === 'finished' ? limits.deploymentMs : 0,
          onlySettled ? '1' : '0',
          ...fields.flatMap(([field, value]) => [field, String(value)]),
        ],
      )
      if (to === 'finished') {
        // Whatever became of the marks of a worker that died: each outbox is looked at once more.
        await connection.script('mark-audit', [auditKeys.due], [id])
        await forget(id)
      }
      return changed === 1
    },
    snapshot: read,
    forget,
    relist: async () => {
      const ids = await connection.call((redis) => redis.zrangebylex(indexKeys.deployments, looked, '+', 'LIMIT', 0, pageSize))
      const last = ids.at(-1)
      looked = last === undefined || ids.length < pageSize ? '-' : `(${last}`
      const states = await Promise.all(ids.map(stateOf))
      const underWay = ids.filter((_, at) => states[at] !== null && states[at] !== 'finished')
      const added = await Promise.all(underWay.map((id) => connection.call((redis) => redis.zadd(indexKeys.active, 0, id))))
      return underWay.filter((_, at) => Number(added[at]) === 1)
    },
  }
}

/** The names of all targets that active deployments use. */
export const targetsInUse = async (connection: Connection): Promise<ReadonlySet<string>> => {
  const ids = await connection.call((redis) => redis.zrange(indexKeys.active, '0', '-1'))
  const texts = await connection.call((redis) => Promise.all(ids.map((id) => redis.hget(deploymentKeys(id).record, 'deployment'))))
  return new Set(texts.flatMap((text) => (text === null ? [] : (JSON.parse(text) as FixedDeployment).targets)))
}
