import type { Connection } from './connection.ts'
import { deploymentKeys, indexKeys, jobKeys } from './keys.ts'
import { jobIds } from './records.ts'
import type { JobLog, Memory } from './types.ts'

const pageSize = 100
/** Until the logs are below this part of the memory again, which is less than where it begins: so that it does not begin at once again. */
const enough = 0.65
/** While it is only getting tight, the logs of what has just ended stay: somebody may be reading them, in ms. */
const youngMs = 3_600_000
/** When all were looked at, the next look is so much later, in ms: there is nothing more to be had. */
const restMs = 300_000

const text = 'the log was removed before its time: Redis was short of memory'

/**
 * Removes logs of finished deployments before their time, the oldest first, and leaves a line in each that says so.
 * @param store where logs are
 * @param logOf a log that takes the line although Redis is full
 * @returns looks at the memory, removes what it takes, and gives the number of deployments that lost their logs
 */
export const createShed = (
  connection: Connection,
  store: Connection,
  memory: Memory,
  logOf: (ref: { readonly deploymentId: string; readonly jobId: string }) => JobLog,
): ((now?: number) => Promise<number>) => {
  let after = '-'
  let restsUntil = 0

  const levelNow = async () => {
    const uses = await memory.look(0)
    const [use] = uses.filter(({ redis }) => redis === 'store').sort((a, b) => (b.ratio ?? 0) - (a.ratio ?? 0))
    return { ratio: use?.ratio ?? 0, level: use?.level ?? 'ok' }
  }
  const shed = async (id: string): Promise<boolean> => {
    const fields = await connection.call((redis) => redis.hkeys(deploymentKeys(id).jobs))
    let hadLogs = false
    for (const jobId of jobIds(Object.fromEntries(fields.map((field) => [field, ''])))) {
      const { ledger: _, ...logs } = jobKeys({ deploymentId: id, jobId })
      if ((await store.call((redis) => redis.unlink(...(Object.values(logs) as string[])))) === 0) continue
      hadLogs = true
      await logOf({ deploymentId: id, jobId }).append([{ stream: 'system', text, at: Date.now() }])
    }
    await connection.script('mark-shed', [deploymentKeys(id).record], [], true)
    return hadLogs
  }

  return async (now = Date.now()) => {
    const { level } = await levelNow()
    if (level === 'ok' || now < restsUntil) return 0
    let count = 0
    for (;;) {
      const ids = await connection.call((redis) => redis.zrangebylex(indexKeys.deployments, after, '+', 'LIMIT', 0, pageSize))
      for (const id of ids) {
        const record = await connection.call((redis) => redis.hmget(deploymentKeys(id).record, 'state', 'endedAt', 'logs'))
        const [state, endedAt, logs] = record
        const isYoung = level === 'warn' && Number(endedAt ?? 0) > now - youngMs
        if (state === 'finished' && logs !== 'shed' && !isYoung && (await shed(id))) {
          count++
          if ((await levelNow()).ratio < enough) return count
        }
        after = `(${id}`
      }
      if (ids.length < pageSize) break
    }
    after = '-'
    if (count === 0) restsUntil = now + restMs
    return count
  }
}
