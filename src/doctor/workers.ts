import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import { judgeClock } from './clock.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

export interface WorkerFacts {
  readonly workers: readonly SeenWorker[]
  /** The clock of Redis, ms since the epoch. */
  readonly now: number
  /** Version of the server. */
  readonly version: string
  /** Pools that targets name. */
  readonly pools: readonly string[]
}

/** Whether a worker was heard lately. @param now the clock of Redis */
const isHeard = ({ seenAt }: SeenWorker, now: number): boolean => now - seenAt < deadAfterMs

/** Whether it takes work. */
export const isTaking = (worker: SeenWorker, now: number): boolean => isHeard(worker, now) && worker.state !== 'draining'

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

const judgePool = (pool: string, { workers, now, pools }: WorkerFacts): Finding => {
  const [start, its] = [`TELPHER_POOL=${pool} telpher worker start`, workers.filter((worker) => worker.pool === pool)]
  const taking = its.filter((worker) => isTaking(worker, now))
  if (taking.length === 0) {
    const draining = its.filter((worker) => isHeard(worker, now)).length
    const seen = draining === 0 ? 'no worker is alive' : `${many(draining, 'worker')} alive, all draining`
    return pools.includes(pool) ? fail('workers', seen, start) : warn('workers', seen, start)
  }
  const slots = taking.reduce((sum, { concurrency }) => sum + concurrency, 0)
  const busy = taking.reduce((sum, { attempts }) => sum + attempts.length, 0)
  return ok('workers', `${many(taking.length, 'worker')} alive, ${busy} of ${many(slots, 'slot')} busy`)
}

const judgePools = (facts: WorkerFacts): Finding[] => {
  const pools = [
    ...new Set([...facts.pools, ...facts.workers.filter((worker) => isHeard(worker, facts.now)).map(({ pool }) => pool)]),
  ].sort()
  if (pools.length === 0) return [warn('workers', 'no worker is alive, and no target is there', 'telpher worker start')]
  return pools.map((pool) => ({ ...judgePool(pool, facts), subject: pool }))
}

const judgeSilent = ({ workers, now }: WorkerFacts): Finding => {
  const silent = workers.filter((worker) => !isHeard(worker, now))
  if (silent.length === 0) return ok('worker-silent', 'every worker that is listed is heard')
  const names = silent.map(({ name, seenAt }) => `${name} (${Math.round((now - seenAt) / 1000)} s)`)
  return warn(
    'worker-silent',
    `not heard: ${names.join(', ')}`,
    'telpher worker list   (start them again, or wait an hour until they are forgotten)',
  )
}

const series = (version: string): string => version.split('.').slice(0, 2).join('.')

const judgeVersions = (alive: readonly SeenWorker[], version: string): Finding => {
  const others = alive.filter((worker) => series(worker.version) !== series(version))
  return others.length === 0
    ? ok('worker-version', `all as the server, ${version}`)
    : warn(
        'worker-version',
        `${others.map((worker) => `${worker.name} ${worker.version}`).join(', ')}; the server is ${version}`,
        `npm install --global telpher@${version}   (on their hosts, then restart them)`,
      )
}

const judgeIsolation = (alive: readonly SeenWorker[]): Finding => {
  const bare = alive.filter(({ executor }) => executor === 'process')
  return bare.length === 0
    ? ok('worker-isolation', 'every worker runs steps in containers')
    : warn(
        'worker-isolation',
        `${bare.map(({ name }) => name).join(', ')}: no isolation (executor process)`,
        'TELPHER_EXECUTOR=docker telpher worker start   (on their hosts, where it is more than a trial)',
      )
}

/** A worker tells its own time with each heartbeat, which Redis stamps with its own. */
const judgeClocks = (alive: readonly SeenWorker[]): Finding[] =>
  alive
    .flatMap(({ name, at, seenAt }) => (at === undefined ? [] : [judgeClock(`worker ${name}`, at - seenAt, 'Redis')]))
    .filter(({ status }) => status !== 'ok')

/** Checks of the workers as the server sees them; of their clocks only those that are wrong. */
export const judgeWorkers = (facts: WorkerFacts): Finding[] => {
  const alive = facts.workers.filter((worker) => isHeard(worker, facts.now))
  return [...judgeClocks(alive), ...judgePools(facts), judgeSilent(facts), judgeVersions(alive, facts.version), judgeIsolation(alive)]
}
