import type { RunState } from '../model/deployment.ts'
import type { Target } from '../model/target.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import type { Overview } from '../scheduler/index.ts'
import { slotsOf } from '../scheduler/places.ts'
import { poolRoom } from '../scheduler/rooms.ts'
import type { MemoryUse } from '../store/index.ts'
import { tellOwn } from '../telemetry/own.ts'
import { expositionType, type Registry } from '../telemetry/registry.ts'
import { accountStates } from './accounts.ts'
import type { Api, ApiDeps } from './context.ts'
import { on } from './on.ts'
import { ofTargets, type ToldTarget, tellTargets } from './targetmetrics.ts'
import { withHealth } from './targets.ts'

const levels: Readonly<Record<MemoryUse['level'], number>> = { ok: 0, warn: 1, refuse: 2, reserve: 3 }
const runStates: readonly RunState[] = ['pending', 'executing', 'finalizing']
const workerStates = ['available', 'busy', 'draining', 'offline'] as const

/** What is told only while Redis answers. */
const ofRedis = [
  'telpher_queue_depth',
  'telpher_queue_oldest_wait_seconds',
  'telpher_workers',
  'telpher_slots',
  'telpher_pool_desired_workers',
  'telpher_targets',
  ...ofTargets,
  'telpher_runs_active',
  'telpher_redis_used_bytes',
  'telpher_redis_max_bytes',
  'telpher_redis_level',
] as const

type GatherDeps = Pick<ApiDeps, 'store' | 'queue' | 'targetCheckMs' | 'now'>

interface PoolFacts {
  readonly pool: string
  /** Jobs that wait for its workers. */
  readonly depth: number
  readonly desired: number | undefined
}

interface Facts {
  /** The clock of Redis, ms since the epoch. */
  readonly now: number
  readonly targets: readonly Target[]
  readonly told: readonly ToldTarget[]
  readonly workers: readonly SeenWorker[]
  readonly pools: readonly PoolFacts[]
  readonly memory: readonly MemoryUse[]
}

/** How targets and their accounts are. */
const toldOf = async (targets: readonly Target[], deps: GatherDeps, now: number): Promise<ToldTarget[]> => {
  const [shown, accounts] = await Promise.all([withHealth(targets, targets, deps), accountStates(targets, deps.store, now)])
  return targets.flatMap((target, at) => {
    const [health, account] = [shown[at]?.health, accounts[at]]
    if (health === undefined || account === undefined) return []
    // Where nothing is tried from time to time, a time of long ago says nothing.
    return [{ target, health: deps.targetCheckMs === 0 ? { ...health, checkedAt: undefined } : health, account }]
  })
}

const gather = async (deps: GatherDeps): Promise<Facts> => {
  const { store, queue } = deps
  const now = await store.workers.now()
  const [said, targets, workers, memory] = await Promise.all([
    store.pools.list(),
    store.targets.list(),
    store.workers.list(),
    store.memory.look(),
  ])
  const names = new Set([...said.map(({ name }) => name), ...targets.map(({ pool }) => pool), ...workers.map(({ pool }) => pool)])
  const pools = await Promise.all(
    [...names].map(async (pool) => {
      const [room, queued, scale] = await Promise.all([
        store.rooms.look(poolRoom(pool), now),
        queue.depth(pool),
        store.pools.readScaleState(pool),
      ])
      return { pool, depth: room.waiting + queued, desired: scale?.desired }
    }),
  )
  return { now, targets, told: await toldOf(targets, deps, now), workers, pools, memory }
}

const tellPool = (registry: Registry, { pool, depth, desired }: PoolFacts, { now, targets, workers }: Facts): void => {
  const its = workers.filter((worker) => worker.pool === pool)
  const heard = its.filter(({ seenAt }) => now - seenAt <= deadAfterMs)
  const count = (state: (typeof workerStates)[number]): number =>
    state === 'offline' ? its.length - heard.length : heard.filter((worker) => worker.state === state).length
  const taken = heard.filter(({ state }) => state !== 'draining').reduce((sum, { attempts }) => sum + attempts.length, 0)
  registry.set('telpher_queue_depth', { pool }, depth)
  if (desired !== undefined) registry.set('telpher_pool_desired_workers', { pool }, desired)
  for (const state of workerStates) registry.set('telpher_workers', { pool, state }, count(state))
  registry.set('telpher_slots', { pool, state: 'busy' }, taken)
  registry.set('telpher_slots', { pool, state: 'free' }, Math.max(0, slotsOf(heard, pool) - taken))
  registry.set('telpher_targets', { pool }, targets.filter((target) => target.pool === pool).length)
}

/** What the scheduler saw at its last sweep: nothing is asked for it. */
const tellRuns = (registry: Registry, { active, now }: Overview, pools: readonly PoolFacts[]): void => {
  const oldest = new Map<string, number>(pools.map(({ pool }) => [pool, 0]))
  for (const { waits } of active.values())
    for (const [pool, since] of waits) oldest.set(pool, Math.max(oldest.get(pool) ?? 0, (now() - since) / 1000))
  for (const [pool, seconds] of oldest) registry.set('telpher_queue_oldest_wait_seconds', { pool }, seconds)
  for (const state of runStates)
    registry.set('telpher_runs_active', { state }, [...active.values()].filter((seen) => seen.state === state).length)
}

const tell = (registry: Registry, facts: Facts, overview: Overview | undefined): void => {
  for (const pool of facts.pools) tellPool(registry, pool, facts)
  tellTargets(registry, facts.told)
  // Of the masters of a cluster the fullest decides.
  for (const { redis, usedBytes, maxBytes, level } of facts.memory.toSorted((a, b) => (a.ratio ?? 0) - (b.ratio ?? 0))) {
    registry.set('telpher_redis_used_bytes', { redis }, usedBytes)
    registry.set('telpher_redis_max_bytes', { redis }, maxBytes)
    registry.set('telpher_redis_level', { redis }, levels[level])
  }
  if (overview !== undefined) tellRuns(registry, overview, facts.pools)
}

/** `GET /metrics`: what this server counted, and the installation as it is now, where Redis answers. */
export const addMetricsRoute = (api: Api, deps: ApiDeps, registry: Registry): void =>
  on(api, 'metrics', async (context) => {
    const facts = await gather(deps).catch((err: unknown) => {
      deps.log.warn({ err, requestId: context.get('requestId') }, 'the metrics are without what is in Redis')
      return undefined
    })
    tellOwn(registry, 'server', deps.version)
    registry.count('telpher_redis_reconnects_total', {}, deps.store.reconnects())
    registry.set('telpher_redis_up', {}, facts === undefined ? 0 : 1)
    // From here on nothing is awaited: scrapes that come at a time do not mix.
    ofRedis.forEach(registry.clear)
    if (facts !== undefined) tell(registry, facts, deps.overview?.())
    return context.body(registry.text(), 200, { 'content-type': expositionType })
  })
