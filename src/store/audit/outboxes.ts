import type { AuditEntry, AuditWrite } from '../../model/audit.ts'
import type { LedgerEntry } from '../../model/ledger.ts'
import type { Connection } from '../connection.ts'
import { auditKeys, deploymentKeys } from '../keys.ts'
import type { FixedDeployment, StoredJob } from '../records.ts'
import { idAfter, streamRows, timeOf } from './chain.ts'

/** Deployments, and entries of one, that are looked at in one go. */
const deploymentsAtOnce = 200
const entriesAtOnce = 200

/**
 * How long an outbox keeps what has its place, in ms: where deployments and the record lie on two shards of a Redis Cluster, and the
 * record's one loses its last second in a fail-over, it is there to be recorded again.
 */
const keepMs = 10_000

/** What an outbox has for the record, and where it ends. */
export interface Delivery {
  readonly deploymentId: string
  readonly entries: readonly AuditEntry[]
  /** Of the last of them. */
  readonly cursor: string
}

interface Origin {
  readonly who: string
  readonly target?: string
  readonly step?: string
}

/** Who asked for a deployment, in the words of the record. */
const whoOf = ({ producer, by }: FixedDeployment): string => by ?? (producer === undefined ? 'api' : `producer:${producer}`)

const writeOf = (entry: LedgerEntry, deploymentId: string, jobId: string, origin: Origin): AuditWrite => {
  // Messages of an API server quote what was sent, and what an object became is not what was done.
  const { n: _, attempt, kind: _kind, generation: _generation, message: _message, at, ...request } = entry
  return { type: 'write', at, ...origin, deploymentId, jobId, attempt, ...request }
}

const mostOrigins = 2000

/** What deployments put out for the record, by where each was left. */
export const createOutboxes = (connection: Connection, fixed: (id: string) => Promise<FixedDeployment>) => {
  const origins = new Map<string, Origin>()
  /** Where nothing came since a look, by how often something had come: nothing is to be read there. */
  const looked = new Map<string, string>()

  const originOf = async (deploymentId: string, jobId: string): Promise<Origin> => {
    const known = origins.get(jobId)
    if (known !== undefined) return known
    const [deployment, text] = await Promise.all([
      fixed(deploymentId).catch(() => undefined),
      connection.call((redis) => redis.hget(deploymentKeys(deploymentId).jobs, jobId)),
    ])
    const job = text === null ? undefined : (JSON.parse(text) as StoredJob)
    const step = job === undefined ? undefined : deployment?.request.steps[job.stepIndex]?.name
    const origin: Origin = {
      who: deployment === undefined ? 'server' : whoOf(deployment),
      ...(job === undefined ? {} : { target: job.target }),
      ...(step === undefined ? {} : { step }),
    }
    if (origins.size >= mostOrigins) origins.clear()
    origins.set(jobId, origin)
    return origin
  }

  const deliver = async (deploymentId: string, after: string | undefined): Promise<Delivery | undefined> => {
    const rows = await streamRows(connection, deploymentKeys(deploymentId).outbox, after, entriesAtOnce)
    const last = rows.at(-1)
    if (last === undefined) return undefined
    const entries = await Promise.all(
      rows.map(async ({ field }) => {
        const jobId = field('j')
        return writeOf(JSON.parse(field('e')) as LedgerEntry, deploymentId, jobId, await originOf(deploymentId, jobId))
      }),
    )
    return { deploymentId, entries, cursor: last.id }
  }

  /** Removes what has been recorded for long enough, and forgets the deployment when nothing came meanwhile. */
  const clear = async (deploymentId: string, score: string, cursor: string | undefined): Promise<void> => {
    const isOld = cursor === undefined || timeOf(cursor) < Date.now() - keepMs
    if (!isOld) return
    const stays = cursor === undefined ? '0-1' : idAfter(cursor)
    const isEmpty = (await connection.script('clear-outbox', [deploymentKeys(deploymentId).outbox], [stays])) === 1
    if (isEmpty && (await connection.script('forget-member', [auditKeys.due], [deploymentId, score])) === 1) looked.delete(deploymentId)
  }

  return {
    /** What there is to be recorded, a part of it when it is much. */
    async collect(): Promise<Delivery[]> {
      const flat = await connection.call((redis) => redis.zrange(auditKeys.due, '0', '-1', 'WITHSCORES'))
      const due = Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] ?? '', flat[index * 2 + 1] ?? ''] as const)
      const deliveries: Delivery[] = []
      for (let start = 0; start < due.length && deliveries.length === 0; start += deploymentsAtOnce) {
        const page = due.slice(start, start + deploymentsAtOnce)
        const cursors = await connection.call((redis) => redis.hmget(auditKeys.cursors, ...page.map(([id]) => id)))
        await Promise.all(
          page.map(async ([id, score], index) => {
            const cursor = cursors[index] ?? undefined
            const delivery = looked.get(id) === score ? undefined : await deliver(id, cursor)
            if (delivery !== undefined) return deliveries.push(delivery)
            looked.set(id, score)
            return clear(id, score, cursor)
          }),
        )
      }
      return deliveries
    },
    /** Whether everything that was put out so far has its place; of very many only some are asked. */
    async isEmpty(): Promise<boolean> {
      const ids = await connection.call((redis) => redis.zrange(auditKeys.due, '0', String(deploymentsAtOnce - 1)))
      if (ids.length === 0) return true
      const [cursors, lasts] = await connection.call((redis) =>
        Promise.all([
          redis.hmget(auditKeys.cursors, ...ids),
          Promise.all(ids.map((id) => redis.xrevrange(deploymentKeys(id).outbox, '+', '-', 'COUNT', 1))),
        ]),
      )
      return lasts.every(([last], index) => last === undefined || last[0] === cursors[index])
    },
  }
}
