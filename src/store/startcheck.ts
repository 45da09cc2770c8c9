import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'

/** INFO as a table: `name:value` lines (redis.io/docs/latest/commands/info). */
export const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  )

const isOlder = (version: string, major: number, minor: number): boolean => {
  const [a = 0, b = 0] = version.split('.').map(Number)
  return a < major || (a === major && b < minor)
}

/**
 * What is wrong with this Redis for us, from its INFO alone (managed ones have no CONFIG).
 * @returns the first error, or what could not be told
 */
export const judgeInfo = (info: ReadonlyMap<string, string>): { readonly error?: TelpherError; readonly unknown: readonly string[] } => {
  const unknown: string[] = []
  const version = info.get('redis_version')
  const policy = info.get('maxmemory_policy')
  const aof = info.get('aof_enabled')
  if (version === undefined) unknown.push('version')
  else if (isOlder(version, 6, 2)) {
    return { error: new TelpherError('redis_version', `this Redis is ${version}, older than 6.2`), unknown }
  }
  if (policy === undefined) unknown.push('maxmemory-policy')
  else if (policy !== 'noeviction') {
    return {
      error: new TelpherError('redis_eviction', `this Redis evicts keys when its memory is full (maxmemory-policy ${policy})`),
      unknown,
    }
  }
  if (aof === undefined) unknown.push('appendonly')
  else if (aof !== '1') {
    return { error: new TelpherError('redis_persistence', 'this Redis forgets everything when it restarts (appendonly no)'), unknown }
  }
  return { unknown }
}

/**
 * Refuses a Redis that would lose what it is given; of a cluster, each master.
 * @throws TelpherError redis_version, redis_eviction, redis_persistence, redis_unreachable, redis_timeout
 */
export const checkRedis = async (connection: Connection, log: (line: object) => void): Promise<void> => {
  const infos = await connection.onMasters(async (redis, place) => ({ place, ...judgeInfo(parseInfo(await redis.info())) }))
  for (const { place, error, unknown } of infos) {
    if (error !== undefined) throw infos.length === 1 ? error : new TelpherError(error.code, `${place}: ${error.message}`)
    if (unknown.length > 0) log({ level: 'warn', msg: 'Redis does not tell some of its settings; see that they are right', unknown, place })
  }
}
