import type { Connection } from './connection.ts'
import { auditKeys, deploymentKeys, indexKeys, jobKeys, packageIndexKey, packageKey } from './keys.ts'
import { creationMs, idFloor } from './list.ts'
import { type FixedDeployment, jobIds } from './records.ts'
import type { StoreLimits, Sweep } from './types.ts'

/** Ids looked at, and keys removed, in one go. */
const pageSize = 200
const keysAtOnce = 1000

interface Look {
  readonly id: string
  readonly state: string | null
  readonly endedAt: number | undefined
}

/** Everything of a deployment's jobs in the store of logs, and in that of states. */
const keysOfJobs = (deploymentId: string, ids: readonly string[]): { readonly logs: string[]; readonly ledgers: string[] } => {
  const all = ids.map((jobId) => jobKeys({ deploymentId, jobId }))
  return {
    ledgers: all.map(({ ledger }) => ledger),
    logs: all.flatMap(({ ledger: _, ...logs }) => Object.values(logs) as string[]),
  }
}

/** Members of a sorted set with one score, in order, a page a time; what is removed meanwhile does not disturb it. */
async function* pagesOf(connection: Connection, key: string, max: string = '+'): AsyncGenerator<string[]> {
  for (let after = '-'; ; ) {
    const page = await connection.call((redis) => redis.zrangebylex(key, after, max, 'LIMIT', 0, pageSize))
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    after = `(${last}`
  }
}

/**
 * Removes what is no longer kept. Every step may be repeated, by any number of servers at once, and be cut anywhere:
 * the entry in the index goes last, so that what was begun is found again.
 * @param store where logs and packages are
 */
export const createSweep = (connection: Connection, store: Connection, limits: StoreLimits): Omit<Sweep, 'logs'> => {
  const look = (ids: readonly string[]): Promise<Look[]> =>
    connection.call((redis) =>
      Promise.all(
        ids.map(async (id) => {
          const [state = null, endedAt = null] = await redis.hmget(deploymentKeys(id).record, 'state', 'endedAt')
          return { id, state, endedAt: endedAt === null ? undefined : Number(endedAt) }
        }),
      ),
    )
  const unlink = async (where: Connection, keys: readonly string[]): Promise<void> => {
    for (let start = 0; start < keys.length; start += keysAtOnce)
      await where.call((redis) => redis.unlink(...keys.slice(start, start + keysAtOnce)))
  }
  const jobsOf = async (id: string): Promise<string[]> =>
    jobIds(
      Object.fromEntries((await connection.call((redis) => redis.hkeys(deploymentKeys(id).jobs))).map((field) => [field, ''] as const)),
    )
  const isRecorded = async (id: string): Promise<boolean> => {
    const [[last], cursor] = await connection.call((redis) =>
      Promise.all([redis.xrevrange(deploymentKeys(id).outbox, '+', '-', 'COUNT', 1), redis.hget(auditKeys.cursors, id)]),
    )
    if (last === undefined || last[0] === cursor) return true
    await connection.script('mark-audit', [auditKeys.due], [id])
    return false
  }
  const remove = async (id: string): Promise<boolean> => {
    const keys = deploymentKeys(id)
    const [{ state } = { state: null }] = await look([id])
    if (state !== null && state !== 'finished') return false
    // What the record of who did what has not yet is not removed before it has.
    if (!(await isRecorded(id))) return false
    const { logs, ledgers } = keysOfJobs(id, await jobsOf(id))
    await unlink(store, logs)
    // A few go with the record at once; a deployment to hundreds of targets would hold Redis up.
    await unlink(connection, ledgers.slice(keysAtOnce))
    const { record, ...others } = keys
    const removed = await connection.script(
      'remove-deployment',
      [record, ...(Object.values(others) as string[]), ...ledgers.slice(0, keysAtOnce)],
      [],
    )
    if (removed === 0) return false
    await connection.call((redis) =>
      Promise.all([redis.hdel(auditKeys.cursors, id), redis.zrem(indexKeys.active, id), redis.zrem(indexKeys.deployments, id)]),
    )
    return true
  }
  const removeAll = async (ids: readonly string[]): Promise<number> => {
    let count = 0
    for (const id of ids) if (await remove(id)) count++
    return count
  }

  const byAge = async (now: number): Promise<number> => {
    const oldest = Math.min(now - limits.deploymentMs, now - creationMs)
    let count = 0
    for await (const ids of pagesOf(connection, indexKeys.deployments, `(${idFloor(Math.max(0, oldest))}`)) {
      // What has no record has expired: one that is being created is younger.
      const due = (await look(ids)).filter(({ state, endedAt }) => state === null || (state === 'finished' && (endedAt ?? 0) <= oldest))
      count += await removeAll(due.map(({ id }) => id))
    }
    return count
  }
  const byCount = async (): Promise<number> => {
    const [all, active] = await connection.call((redis) => Promise.all([redis.zcard(indexKeys.deployments), redis.zcard(indexKeys.active)]))
    let excess = all - active - limits.deployments
    let count = 0
    if (excess <= 0) return 0
    for await (const ids of pagesOf(connection, indexKeys.deployments)) {
      const due = (await look(ids)).filter(({ state }) => state === 'finished').slice(0, excess)
      count += await removeAll(due.map(({ id }) => id))
      excess -= due.length
      if (excess <= 0) break
    }
    return count
  }

  /** Takes out of the candidates what a kept deployment refers to. */
  const spareReferred = async (candidates: Map<string, string>): Promise<void> => {
    for await (const ids of pagesOf(connection, indexKeys.deployments)) {
      if (candidates.size === 0) return
      const texts = await connection.call((redis) => Promise.all(ids.map((id) => redis.hget(deploymentKeys(id).record, 'deployment'))))
      for (const text of texts)
        if (text !== null) for (const step of (JSON.parse(text) as FixedDeployment).request.steps) candidates.delete(step.package)
    }
  }

  return {
    deployments: async (now = Date.now()) => (await byAge(now)) + (await byCount()),
    packages: async () => {
      // What is used after this moment is kept: a deployment that this look misses had its packages used since, or less than the grace before.
      const before = (await store.now(packageIndexKey)) - limits.packageGraceMs
      const flat = await store.call((redis) => redis.zrange(packageIndexKey, '-inf', String(before), 'BYSCORE', 'WITHSCORES'))
      const candidates = new Map(Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2] ?? '', flat[index * 2 + 1] ?? '']))
      await spareReferred(candidates)
      let count = 0
      for (const [sha256, score] of candidates) {
        const removed = await store.script('remove-package', [packageKey(sha256)], [before])
        if (removed === 1) count++
        // Uploaded again since, it has another score and stays.
        if (removed !== 0) await store.script('forget-member', [packageIndexKey], [sha256, score])
      }
      return count
    },
  }
}
