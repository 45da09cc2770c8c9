import type { RedisFacts } from '../model/doctor.ts'
import { quoted } from '../model/shell.ts'
import { type Finding, fail, type Looked, ok, skip, warn } from './finding.ts'
import { judgeAccess, judgePatched, judgeTls } from './redis-access.ts'
import type { CheckId } from './table.ts'

const family = [
  'redis-version',
  'redis-patched',
  'redis-access',
  'redis-tls',
  'redis-eviction',
  'redis-persistence',
  'redis-writes',
  'redis-memory',
  'redis-latency',
  'redis-replicas',
] as const satisfies readonly CheckId[]

/** redis-cli for this place. */
const client = (place: string): string => {
  const [, host = '127.0.0.1', port = '6379'] = /^(.*?)(?::(\d+))?$/.exec(place) ?? []
  return `redis-cli -h ${quoted(host.replace(/^\[|\]$/g, ''))} -p ${port}`
}

const judgeVersion = ({ version }: RedisFacts): Finding => {
  if (version === undefined) return warn('redis-version', 'it does not tell', 'See that it is 6.2 or newer.')
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < 6 || (major === 6 && minor < 2)
  return isOld
    ? fail('redis-version', `${version}, older than 6.2`, 'apt-get install redis-server   (or another package of 6.2 or newer)')
    : ok('redis-version', version)
}

const judgeEviction = ({ place, policy }: RedisFacts): Finding => {
  if (policy === undefined) return warn('redis-eviction', 'it does not tell', 'See that its maxmemory-policy is noeviction.')
  return policy === 'noeviction'
    ? ok('redis-eviction', policy)
    : fail(
        'redis-eviction',
        `maxmemory-policy ${policy}`,
        `${client(place)} CONFIG SET maxmemory-policy noeviction   (and put it into redis.conf)`,
      )
}

const judgePersistence = ({ place, appendOnly }: RedisFacts): Finding => {
  if (appendOnly === undefined) return warn('redis-persistence', 'it does not tell', 'See that its append-only file is on.')
  return appendOnly
    ? ok('redis-persistence', 'append-only file on')
    : fail('redis-persistence', 'append-only file off', `${client(place)} CONFIG SET appendonly yes   (and put it into redis.conf)`)
}

const judgeWrites = ({ place, writesFail }: RedisFacts): Finding =>
  writesFail === undefined
    ? ok('redis-writes', 'the last ones succeeded')
    : fail(
        'redis-writes',
        writesFail,
        `df -h "$(${client(place)} CONFIG GET dir | tail -1)"   (make room, or give it the rights to its folder)`,
      )

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`

/** The levels of docs/reference/retention.md: from 70 % old logs go, from 85 % nothing new is taken. */
const judgeMemory = ({ place, usedBytes, maxBytes }: RedisFacts): Finding => {
  const more = `${client(place)} CONFIG SET maxmemory ${Math.max(1, Math.ceil((2 * usedBytes) / 2 ** 30))}gb   (or keep less: TELPHER_KEEP_LOG_DAYS)`
  if (maxBytes === 0)
    return warn('redis-memory', `${megabytes(usedBytes)} used, no maxmemory is set: nothing warns before it is full`, more)
  const percent = Math.floor((100 * usedBytes) / maxBytes)
  const seen = `${megabytes(usedBytes)} of ${megabytes(maxBytes)} used (${percent} %)`
  if (percent >= 85) return fail('redis-memory', seen, more)
  return percent >= 70 ? warn('redis-memory', seen, more) : ok('redis-memory', seen)
}

const slowMs = 20

const judgeLatency = ({ place, latencyMs }: RedisFacts): Finding => {
  const seen = `${latencyMs.toFixed(1)} ms`
  return latencyMs > slowMs
    ? warn('redis-latency', seen, `${client(place)} --latency   (put Redis nearer, or look at its load)`)
    : ok('redis-latency', seen)
}

const judgeReplicas = ({ place, role, replicas }: RedisFacts): Finding => {
  if (role !== 'master')
    return fail('redis-replicas', `this is a ${role}`, `${client(place)} INFO replication   (name its master with TELPHER_REDIS_URL)`)
  const late = replicas.filter(({ state, lagSeconds }) => state !== 'online' || lagSeconds > 10)
  if (late.length > 0)
    return warn(
      'redis-replicas',
      `${late.length} of ${replicas.length} replicas are behind or not online`,
      `${client(place)} INFO replication`,
    )
  return ok('redis-replicas', replicas.length === 0 ? 'master without replicas' : `master, ${replicas.length} replicas up to date`)
}

/**
 * Checks of one Redis; of a cluster, of each master under its place.
 * @param options.place host and port that it should answer at
 * @param options.named false where nobody named one: then one that is not there is no fault
 * @param options.subject which Redis, where there are two
 */
export const judgeRedis = (
  looked: Looked<readonly RedisFacts[]>,
  options: { readonly place: string; readonly named: boolean; readonly subject?: string },
): Finding[] => {
  const { place, named, subject } = options
  const marked = (finding: Finding): Finding => (subject === undefined ? finding : { ...finding, subject })
  if (looked.facts !== undefined) {
    const all = looked.facts
    return all.flatMap((facts) => {
      const judged = [
        judgeVersion,
        judgePatched,
        judgeAccess,
        judgeTls,
        judgeEviction,
        judgePersistence,
        judgeWrites,
        judgeMemory,
        judgeLatency,
        judgeReplicas,
      ]
      const found = [ok('redis', `answers at ${facts.place}`), ...judged.map((judge) => judge(facts))].map(marked)
      return all.length === 1 ? found : found.map((finding) => ({ ...finding, subject: [subject, facts.place].filter(Boolean).join(' ') }))
    })
  }
  const first = named
    ? fail(
        'redis',
        looked.trouble.includes(place) ? looked.trouble : `${place}: ${looked.trouble}`,
        `${client(place)} PING   (start Redis, or name another with TELPHER_REDIS_URL)`,
      )
    : skip('redis', `TELPHER_REDIS_URL names none, and nothing answers at ${place}; telpher dev brings its own`)
  return [first, ...family.map((id) => skip(id, 'Redis was not reached'))].map(marked)
}
