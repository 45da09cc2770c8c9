import type { Deployment } from '../model/deployment.ts'
import { newId } from '../model/ids.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys, indexKeys } from './keys.ts'
import { parseRecord } from './records.ts'
import type { ListOptions } from './types.ts'

/** No creation takes longer, in ms, however far the clocks of two servers are apart. */
export const creationMs = 3_600_000
/** Records that are read at once, and for one answer. */
const mostAtOnce = 100
const mostRead = 2000

/** Ids begin with their time, so ids older than this sort before it. @param at ms since the epoch */
export const idFloor = (at: number): string => newId('dep', at).slice(0, 'dep_'.length + 10)

/** The end of a range that excludes it: whichever of the two is older. */
const maxOf = (cursor: string | undefined, until: number | undefined): string => {
  const [first] = [cursor, until === undefined ? undefined : idFloor(until + 1)].filter((end) => end !== undefined).sort()
  return first === undefined ? '+' : `(${first}`
}

/** Records of these ids, undefined where one has expired. */
const readRecords = async (connection: Connection, ids: readonly string[]): Promise<(Deployment | undefined)[]> => {
  const hashes = await connection.call((redis) => Promise.all(ids.map((id) => redis.hgetall(deploymentKeys(id).record))))
  const found = hashes.map((hash, index) => (hash['deployment'] === undefined ? undefined : parseRecord(ids[index] ?? '', hash)))
  // One that is being created is indexed before it has its record.
  const created = idFloor(Date.now() - creationMs)
  const expired = ids.filter((id, index) => found[index] === undefined && id < created)
  if (expired.length > 0) await connection.call((redis) => redis.zrem(indexKeys.deployments, ...expired))
  return found
}

/**
 * Deployments by filters, newest first, from the index by creation time. Times bound the range that is read; whatever else
 * is asked for is looked at record by record. Cost: one read of the index and one pipeline of records for each 100 that
 * are looked at (for each page, where nothing else is asked for), and at most 2,000 of them for one answer: then it is short, or empty, and `next` says where to go on.
 * @returns `next` as long as there may be more
 */
export const listDeployments = async (
  connection: Connection,
  { limit, cursor, since, until, matches }: ListOptions,
): Promise<{ deployments: Deployment[]; next?: string }> => {
  const min = since === undefined ? '-' : `[${idFloor(since)}`
  const deployments: Deployment[] = []
  const batch = matches === undefined ? limit : mostAtOnce
  let max = maxOf(cursor, until)
  for (let read = 0; read < mostRead; ) {
    const count = Math.min(batch, mostRead - read)
    const ids = await connection.call((redis) => redis.zrevrangebylex(indexKeys.deployments, max, min, 'LIMIT', 0, count))
    const found = await readRecords(connection, ids)
    for (const [index, deployment] of found.entries()) {
      if (deployment === undefined || matches?.(deployment) === false) continue
      deployments.push(deployment)
      const isLast = ids.length < count && index === ids.length - 1
      if (deployments.length === limit) return isLast ? { deployments } : { deployments, next: deployment.id }
    }
    const last = ids.at(-1)
    if (last === undefined || ids.length < count) return { deployments }
    read += ids.length
    max = `(${last}`
  }
  return { deployments, next: max.slice(1) }
}
