import { createHash } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import { isId, newId } from '../model/ids.ts'
import type { Target } from '../model/target.ts'
import { deadAfterMs } from '../model/worker.ts'
import type { Api, ApiDeps, PlainCredential } from './context.ts'
import { bodyOf, on, param } from './on.ts'
import { type NewTarget, newTargetSchema } from './schemas.ts'

/** Locks are kept by cluster: targets that reach one through the same address share them. */
const clusterIdOf = (server: string): string => {
  const { host, pathname } = new URL(server)
  return createHash('sha256')
    .update(`${host}${pathname.replace(/\/$/, '')}`)
    .digest('hex')
    .slice(0, 16)
}

const targetOf = ({ credential: _, ...rest }: NewTarget, credential: PlainCredential, deps: ApiDeps, now: number): Target => {
  return {
    ...rest,
    clusterId: clusterIdOf(rest.server),
    account: deps.summarize(newId('acc', now), credential),
    createdAt: now,
  }
}

/** What a check of this pool waits for, when nobody is there to run it. */
const waiting = async (pool: string, { store }: ApiDeps): Promise<{ waitsFor?: string }> => {
  const [workers, time] = await Promise.all([store.workers.list(), store.workers.now()])
  const isAlive = workers.some((worker) => worker.pool === pool && time - worker.seenAt < deadAfterMs)
  return isAlive ? {} : { waitsFor: `no worker in pool ${pool} is alive` }
}

export const addTargetRoutes = (api: Api, deps: ApiDeps): void => {
  const { store, queue } = deps
  const now = deps.now ?? Date.now
  on(api, 'listTargets', async (context) => context.json({ targets: await store.targets.list() }))
  on(api, 'getTarget', async (context) => context.json(await store.targets.get(param(context, 'name'))))
  on(api, 'addTarget', async (context) => {
    const { body: asked } = await bodyOf(context, newTargetSchema)
    const credential = asked.credential.kind === 'federated' ? await deps.issuer.issue(asked.name) : asked.credential
    const target = targetOf(asked, credential, deps, now())
    await store.targets.create(target, deps.seal(target.account.id, JSON.stringify(credential)))
    return context.json(target, 201, { location: `/v1/targets/${target.name}` })
  })
  on(api, 'removeTarget', async (context) => {
    await store.targets.remove(param(context, 'name'))
    return context.body(null, 204)
  })
  on(api, 'checkTarget', async (context) => {
    const target = await store.targets.get(param(context, 'name'))
    const id = newId('chk')
    await queue.enqueue(target.pool, { kind: 'check', checkId: id, target: target.name })
    return context.json({ id, ...(await waiting(target.pool, deps)) }, 202, { location: `/v1/targets/${target.name}/checks/${id}` })
  })
  on(api, 'getCheck', async (context) => {
    const [target, id] = [await store.targets.get(param(context, 'name')), param(context, 'id')]
    if (!isId('chk', id)) throw new TelpherError('unknown_target', `target ${target.name} has no check ${id.slice(0, 64)}`)
    const report = await store.checks.get(id)
    if (report === undefined) return context.json({ state: 'pending', ...(await waiting(target.pool, deps)) }, 202)
    if (report.target !== target.name) throw new TelpherError('unknown_target', `target ${target.name} has no check ${id}`)
    return context.json(report)
  })
}
