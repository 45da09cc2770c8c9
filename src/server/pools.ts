import { ZodError } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { changePool, implicitPool, newPoolSchema, newPoolStateSchema, type Pool, poolChangeSchema } from '../model/pool.ts'
import type { PoolView, Scale } from '../model/scale.ts'
import { nameSchema } from '../model/target.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import { loadOf, scaleOf } from '../scaler/scale.ts'
import { slotsOf } from '../scheduler/places.ts'
import { poolRoom } from '../scheduler/rooms.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param, parsed } from './on.ts'
import { InvalidRequest } from './problem.ts'

type Deps = Pick<ApiDeps, 'store' | 'queue' | 'overview'>

const isAlive = ({ seenAt }: SeenWorker, now: number): boolean => now - seenAt <= deadAfterMs
const aliveWorkers = async ({ store }: Deps, now: number): Promise<readonly SeenWorker[]> =>
  (await store.workers.list()).filter((worker) => isAlive(worker, now))

/**
 * How many workers a pool should have now; what a pool with a scaling of its own is told is noted, so that its cool-down is kept
 * whoever asks.
 */
export const scalePool = async (pool: Pool, deps: Deps): Promise<{ scale: Scale; workers: readonly SeenWorker[] }> => {
  const { store, queue } = deps
  const now = await store.workers.now()
  const [all, room, depth] = await Promise.all([
    aliveWorkers(deps, now),
    store.rooms.look(poolRoom(pool.name), now),
    queue.depth(pool.name),
  ])
  const workers = all.filter((worker) => worker.pool === pool.name)
  const load = loadOf(pool, workers, room.waiting + depth)
  const isManaged = pool.scaling !== undefined || pool.replicas !== undefined
  if (!isManaged) return { scale: scaleOf(pool, load, undefined, now).scale, workers }
  let scale: Scale | undefined
  await store.pools.scaleState(pool.name, (remembered) => {
    const next = scaleOf(pool, load, remembered, now)
    scale = next.scale
    return next.state
  })
  return { scale: scale ?? scaleOf(pool, load, undefined, now).scale, workers }
}

/** How long the job has waited, in s, that waits longest for a worker of the pool, as this server last saw it. */
const oldestWait = (pool: string, { overview }: Deps): number | undefined => {
  const seen = overview?.()
  const since = [...(seen?.active.values() ?? [])].flatMap(({ waits }) => waits.get(pool) ?? [])
  return seen === undefined || since.length === 0 ? undefined : Math.max(0, (seen.now() - Math.min(...since)) / 1000)
}

const viewOf = async (pool: Pool, said: boolean, targets: number, silent: readonly SeenWorker[], deps: Deps): Promise<PoolView> => {
  const { scale, workers } = await scalePool(pool, deps)
  const count = (state: SeenWorker['state']): number => workers.filter((worker) => worker.state === state).length
  const oldestWaitSeconds = oldestWait(pool.name, deps)
  return {
    ...pool,
    said,
    targets,
    draining: workers.filter(({ state }) => state === 'draining').length,
    slots: slotsOf(workers, pool.name),
    workers: {
      available: count('available'),
      busy: count('busy'),
      draining: count('draining'),
      offline: silent.filter((worker) => worker.pool === pool.name).length,
    },
    ...(oldestWaitSeconds === undefined ? {} : { oldestWaitSeconds }),
    scale,
  }
}

/** Every pool that somebody said something of, or that a target or a worker names. */
const allPools = async (deps: Deps): Promise<PoolView[]> => {
  const { store } = deps
  const now = await store.workers.now()
  const [said, targets, known] = await Promise.all([store.pools.list(), store.targets.list(), store.workers.list()])
  const workers = known.filter((worker) => isAlive(worker, now))
  const silent = known.filter((worker) => !isAlive(worker, now))
  const names = [
    ...new Set(
      [...said, ...targets.map(({ pool }) => ({ name: pool })), ...workers.map(({ pool }) => ({ name: pool }))].map(({ name }) => name),
    ),
  ]
  return Promise.all(
    names.sort().map((name) => {
      const one = said.find((pool) => pool.name === name)
      return viewOf(one ?? implicitPool(name), one !== undefined, targets.filter((target) => target.pool === name).length, silent, deps)
    }),
  )
}

const onePool = async (name: string, deps: Deps): Promise<PoolView> => {
  const found = (await allPools(deps)).find((pool) => pool.name === name)
  if (found === undefined) throw new TelpherError('unknown_pool', `no target, no worker and nobody else names a pool ${name.slice(0, 64)}`)
  return found
}

/** What cannot be said of a pool is an invalid request, wherever it is found. @throws InvalidRequest */
const mustFit = <T>(make: () => T): T => {
  try {
    return make()
  } catch (thrown) {
    throw thrown instanceof ZodError ? new InvalidRequest(thrown) : thrown
  }
}

export const addPoolRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  const named = (name: string): string => parsed(nameSchema, name)
  on(api, 'listPools', async (context) => context.json({ pools: await allPools(deps) }))
  on(api, 'getPool', async (context) => context.json(await onePool(param(context, 'name'), deps)))
  on(api, 'scale', async (context) => {
    const { name } = await onePool(param(context, 'name'), deps)
    return context.json((await scalePool(await store.pools.get(name), deps)).scale)
  })
  on(api, 'createPool', async (context) => {
    const { body } = await bodyOf(context, newPoolSchema)
    await store.pools.create({ ...body, state: 'active', createdAt: await store.workers.now() })
    return context.json(await onePool(body.name, deps), 201, { location: `/v1/pools/${body.name}` })
  })
  on(api, 'changePool', async (context) => {
    const name = named(param(context, 'name'))
    const { body } = await bodyOf(context, poolChangeSchema)
    await store.pools.change(name, (pool) => mustFit(() => changePool(pool, body)))
    return context.json(await onePool(name, deps))
  })
  on(api, 'setPoolState', async (context) => {
    const name = named(param(context, 'name'))
    const { body } = await bodyOf(context, newPoolStateSchema)
    await store.pools.change(name, ({ reason: _, ...pool }) => ({
      ...pool,
      state: body.state,
      ...(body.reason === undefined ? {} : { reason: body.reason }),
    }))
    return context.json(await onePool(name, deps))
  })
  on(api, 'removePool', async (context) => {
    const name = param(context, 'name')
    const users = (await store.targets.list()).filter(({ pool }) => pool === name)
    if (users.length > 0)
      throw new TelpherError(
        'pool_in_use',
        `${users.length === 1 ? 'target' : 'targets'} ${users
          .slice(0, 5)
          .map((target) => target.name)
          .join(', ')} ${users.length === 1 ? 'is' : 'are'} in pool ${name}`,
      )
    await store.pools.remove(name)
    return context.body(null, 204)
  })
}
