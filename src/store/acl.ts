import { poolsKey } from './keys.ts'

/** Who connects to Redis. A worker is one of a pool. */
export type RedisRole = 'server' | 'worker' | 'producer'

/** Redis versions whose rules differ: 6.2 has no key that may only be read, 7.2 asks for the library's name and knows WAITAOF. */
export type AclVersion = '6.2' | '7.0' | '7.2'

/** What one concern needs of Redis: a line is added where it belongs. */
interface Need {
  readonly roles: readonly RedisRole[]
  /** Key patterns that are only read; POOL stands for the worker's pool. */
  readonly reads?: readonly string[]
  readonly writes?: readonly string[]
  readonly commands: string
}

const everybody: readonly RedisRole[] = ['server', 'worker', 'producer']

/** Those of BullMQ's scripts that add, take, end, extend and find what stalled, in all their branches; and its blocking read. */
const queueCommands = [
  'bzpopmin del exists get hdel hexists hget hgetall hincrby hmget hmset hset incr lindex llen lpos lpush lrange lrem ltrim pexpire pttl',
  'rpop rpoplpush rpush sadd scard set smembers srem xadd xtrim zadd zcard zcount zpopmin zrange zrangebyscore zrem zremrangebyrank',
  'zremrangebyscore zrevrange zrevrangebyscore zscore',
].join(' ')

/** By concern; commands of scripts too, since Redis asks for each of them. */
const needs: Readonly<Record<string, Need>> = {
  connection: { roles: everybody, commands: 'hello auth select ping quit info client|setname client|setinfo time eval evalsha multi exec' },
  cluster: { roles: everybody, commands: 'cluster|slots cluster|info asking readonly' },
  /** Servers alone take the data to another version. */
  schema: {
    roles: ['worker', 'producer'],
    reads: ['tel:{schema}:version', 'tel:{schema}:oldest'],
    writes: ['tel:{schema}:programs'],
    commands: 'get zadd zrem zremrangebyscore',
  },
  installation: { roles: ['worker'], writes: ['tel:{installation}'], commands: 'get set' },
  everythingOfServers: {
    roles: ['server'],
    writes: ['tel:*', '{tel-pool-*}:*'],
    commands: [
      'del exists expire pexpire pexpireat pttl unlink rename scan get set',
      'hdel hexists hget hgetall hincrby hkeys hlen hmget hscan hset hsetnx hstrlen hvals',
      'lindex llen lpos lpush lrange lrem rpoplpush rpush sadd scard sismember smembers srem',
      'xack xadd xautoclaim xclaim xdel xgroup|create xlen xrange xread xreadgroup xrevrange xtrim',
      'zadd zcard zcount zincrby zpopmin zrange zrangebylex zrangebyscore zrem zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zscore',
      'wait waitaof',
      queueCommands,
    ].join(' '),
  },
  /** What the barrier before a revocation asks (barrier.ts): Redis 7.2 and newer by one command, older ones by how they sync; a new file of any. */
  barrier: { roles: ['server'], commands: 'waitaof bgrewriteaof' },
  barrierOfOlder: { roles: ['server'], commands: 'config|get' },
  queueOfPool: { roles: ['worker'], writes: ['{tel-pool-POOL}:*'], commands: queueCommands },
  jobs: {
    roles: ['worker'],
    reads: ['tel:{dep_*}:record'],
    writes: ['tel:{dep_*}:jobs', 'tel:{dep_*}:marks', 'tel:{dep_*}:events', 'tel:{dep_*}:emitters', 'tel:{wake}:deployments'],
    commands: 'hget hgetall hmget hset hexists xadd',
  },
  /** A script that writes although Redis is full deletes such a key first (scripts.ts). */
  reserve: { roles: ['worker', 'producer'], writes: ['tel:*:none'], commands: 'del' },
  ledger: {
    roles: ['worker'],
    writes: ['tel:{dep_*}:ledger:*', 'tel:{dep_*}:outbox', 'tel:{audit}:due'],
    commands: 'hset hvals pexpire xadd zincrby',
  },
  /** Letters of the pool's pipes, to and from servers. */
  pipes: { roles: ['worker'], writes: ['tel:{pipe:POOL}:to:*'], commands: 'del exists pexpire xadd xdel xlen xread xtrim' },
  /** What a worker says for the record; it may not read it. */
  record: { roles: ['worker'], writes: ['tel:{audit}:inbox'], commands: 'xadd' },
  logs: {
    roles: ['worker'],
    writes: ['tel:{dep_*}:log:*', 'tel:{dep_*}:log-head:*', 'tel:{dep_*}:log-tail:*'],
    commands: 'del exists hget hmget hset hincrby pexpire unlink xadd xdel xlen xrange xrevrange xtrim',
  },
  packages: {
    roles: ['worker'],
    writes: ['tel:{pkg:*}', 'tel:{packages}:index'],
    commands: 'hexists hget hset pexpire unlink zadd',
  },
  heartbeats: {
    roles: ['worker'],
    writes: ['tel:{workers}:records', 'tel:{workers}:seen'],
    commands: 'hdel hexists hget hset zadd zrange zrangebyscore zrem',
  },
  targets: { roles: ['worker'], reads: ['tel:{targets}:records', 'tel:{images}:pins'], commands: 'hget hgetall hvals' },
  pools: { roles: ['worker'], reads: [poolsKey], commands: 'hget' },
  checks: { roles: ['worker'], writes: ['tel:{chk_*}:report', 'tel:{chk_*}:claim'], commands: 'set hsetnx hget pexpire' },
  /** What a worker needs of accounts and secrets a server gives it, sealed. */
  broker: { roles: ['worker'], writes: ['tel:{broker}:requests', 'tel:{broker}:answers:POOL:*'], commands: 'xadd blpop lpop' },
  submissions: {
    roles: ['producer'],
    writes: ['tel:{inbox}:submissions', 'tel:{inbox}:answer:*'],
    commands: 'xadd blpop',
  },
  uploads: {
    roles: ['producer'],
    reads: ['tel:{signer}:upload-to'],
    writes: ['tel:{pkg:*}', 'tel:{pkg:*}:upload:*', 'tel:{packages}:index', 'tel:{*}:replicated'],
    commands: 'del exists get hexists hget hset hstrlen pexpire rename set unlink wait zadd',
  },
  following: {
    roles: ['producer'],
    reads: [
      'tel:{dep_*}:record',
      'tel:{dep_*}:jobs',
      'tel:{dep_*}:marks',
      'tel:{dep_*}:events',
      'tel:{dep_*}:log:*',
      'tel:{dep_*}:log-head:*',
      'tel:{dep_*}:log-tail:*',
    ],
    commands: 'exists hget hgetall hmget xrange xread xrevrange',
  },
}

/** A user of Redis, with all that it may do. */
export interface AclUser {
  readonly user: string
  readonly role: RedisRole
  readonly pool?: string
  /** In the words of ACL SETUSER (redis.io/docs/latest/operate/oss_and_stack/management/security/acl), without a password. */
  readonly rules: readonly string[]
}

/**
 * The user of a role: no channel, no key of others, and no command that is not used.
 * @param pool of a worker
 */
export const aclUser = (role: RedisRole, options: { readonly pool?: string; readonly version?: AclVersion } = {}): AclUser => {
  const { pool = 'default', version = '7.0' } = options
  const { [version === '7.2' ? 'barrierOfOlder' : '']: _, ...here } = needs
  const mine = Object.values(here).filter(({ roles }) => roles.includes(role))
  const named = (patterns: readonly string[]): string[] => patterns.map((pattern) => pattern.replace('POOL', pool))
  const writes = new Set(mine.flatMap((need) => named(need.writes ?? [])))
  const reads = new Set(mine.flatMap((need) => named(need.reads ?? [])).filter((pattern) => !writes.has(pattern)))
  const commands = new Set(mine.flatMap((need) => need.commands.split(' ')))
  if (version !== '7.2') for (const command of ['client|setinfo', 'waitaof']) commands.delete(command)
  const keys = [
    ...[...writes].map((pattern) => `~${pattern}`),
    ...[...reads].map((pattern) => (version === '6.2' ? `~${pattern}` : `%R~${pattern}`)),
  ]
  return {
    user: role === 'worker' ? `telpher-worker-${pool}` : `telpher-${role}`,
    role,
    ...(role === 'worker' ? { pool } : {}),
    rules: ['on', 'resetkeys', ...keys.sort(), 'resetchannels', '-@all', ...[...commands].sort().map((command) => `+${command}`)],
  }
}
