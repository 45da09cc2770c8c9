import { createHash } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { Policy, Target } from '../model/target.ts'
import { deadAfterMs } from '../model/worker.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyText, on, param, parsed } from './on.ts'
import { type NewTarget, newTargetSchema } from './schemas.ts'

/** Locks are kept by cluster: targets that reach one through the same address share them. */
const clusterIdOf = (server: string): string => {
  const { host, pathname } = new URL(server)
  return createHash('sha256')
    .update(`${host}${pathname.replace(/\/$/, '')}`)
    .digest('hex')
    .slice(0, 16)
}

const targetOf = (asked: NewTarget, deps: ApiDeps, now: number): Target => {
  const { credential, policy, ...rest } = asked
  return {
    ...rest,
    policy: policy as Policy,
    clusterId: clusterIdOf(asked.server),
    account: deps.summarize(newId('acc', now), credential),
    createdAt: now,
  }
}

export const addTargetRoutes = (api: Api, deps: ApiDeps): void => {
  const { store, queue } = deps
  const now = deps.now ?? Date.now
  on(api, 'listTargets', async (context) => context.json({ targets: await store.targets.list() }))
  on(api, 'getTarget', async (context) => context.json(await store.targets.get(param(context, 'name'))))
  on(api, 'addTarget', async (context) => {
    const asked = parsed(newTargetSchema, JSON.parse(await bodyText(context)))
    const target = targetOf(asked, deps, now())
    await store.targets.create(target, deps.seal(target.account.id, JSON.stringify(asked.credential)))
    return context.json(target, 201, { location: `/v1/targets/${target.name}` })
  })
  on(api, 'removeTarget', async (context) => {
    await store.targets.remove(param(context, 'name'))
    return context.body(null, 204)
  })
  on(api, 'checkTarget', async (context) => {
    const target = await store.targets.get(param(context, 'name'))
    const [workers, time] = await Promise.all([store.workers.list(), store.workers.now()])
    const alive = workers.some((worker) => worker.pool === target.pool && time - worker.seenAt < deadAfterMs)
    const id = newId('chk')
    await queue.enqueue(target.pool, { kind: 'check', checkId: id, target: target.name })
    const location = `/v1/targets/${target.name}/checks/${id}`
    return context.json({ id, ...(alive ? {} : { waitsFor: `no worker in pool ${target.pool} is alive` }) }, 202, { location })
  })
  on(api, 'getCheck', async (context) => {
    const report = await store.checks.get(param(context, 'id'))
    if (report === undefined) return context.json({ state: 'pending' }, 202)
    if (report.target !== param(context, 'name')) throw new TelpherError('unknown_target', 'this check is of another target')
    return context.json(report)
  })
}
