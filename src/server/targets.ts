import { createHash } from 'node:crypto'
import type { CheckReport } from '../model/check.ts'
import { TelpherError } from '../model/errors.ts'
import { checksPerMinute, healthOf, intervalOf, type ShownTarget, shownHealth } from '../model/health.ts'
import { isId, newId } from '../model/ids.ts'
import type { Target } from '../model/target.ts'
import { deadAfterMs } from '../model/worker.ts'
import type { Api, ApiDeps, PlainCredential } from './context.ts'
import { bodyOf, on, param } from './on.ts'
import { type NewTarget, newTargetSchema, type TargetChange, targetChangeSchema } from './schemas.ts'

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

const withoutBond = ({ bound: _, ...target }: Target): Target => target

/** Targets as they are shown: with how they were when they were last tried. @param all every target that there is */
export const withHealth = async (
  targets: readonly Target[],
  all: readonly Target[],
  { store, targetCheckMs, now = Date.now }: Pick<ApiDeps, 'store' | 'targetCheckMs' | 'now'>,
): Promise<ShownTarget[]> => {
  const records = await store.health.list()
  const inPools = Map.groupBy(all, ({ pool }) => pool)
  return targets.map((target) => {
    const record = records.get(target.name)
    const inPool = inPools.get(target.pool)?.length ?? 0
    const intervalMs = intervalOf({ everyMs: targetCheckMs, perMinute: checksPerMinute }, inPool)
    return { ...withoutBond(target), health: shownHealth(target.createdAt, record, intervalMs, now()) }
  })
}

/** What somebody asked for says how a target is as well as what is asked for from time to time. */
const noteReport = async (target: Target, report: CheckReport, { store }: ApiDeps): Promise<void> => {
  const found = (await store.health.list()).get(target.name)
  const before = found?.of === target.createdAt ? found : undefined
  if ((before?.health?.checkedAt ?? 0) >= report.at) return
  const record = before ?? { of: target.createdAt, askedAt: report.at, dueAt: report.at }
  await store.health.put(target.name, { ...record, health: healthOf(report, before?.health) })
}

/** Addresses and trust changed; its locks stay what they are kept by, since it is the same cluster. */
const changed = (target: Target, change: TargetChange): Target => {
  if (target.account.mode === 'in-cluster' && (change.server !== undefined || (change.alternates ?? []).length > 0))
    throw new TelpherError('invalid_input', 'server: a worker sends its own token to its own cluster alone', { field: 'server' })
  const { tlsServerName: before, ...rest } = target
  const name = change.tlsServerName === null ? undefined : (change.tlsServerName ?? before)
  return {
    ...rest,
    ...(change.server === undefined ? {} : { server: change.server }),
    ...(change.alternates === undefined ? {} : { alternates: change.alternates }),
    ...(change.ca === undefined ? {} : { ca: change.ca }),
    ...(name === undefined ? {} : { tlsServerName: name }),
  }
}

export const addTargetRoutes = (api: Api, deps: ApiDeps): void => {
  const { store, queue, binder } = deps
  const now = deps.now ?? Date.now
  on(api, 'listTargets', async (context) => {
    const all = await store.targets.list()
    return context.json({ targets: await withHealth(all, all, deps) })
  })
  on(api, 'getTarget', async (context) => {
    const [one, all] = await Promise.all([store.targets.get(param(context, 'name')), store.targets.list()])
    const [target] = await withHealth([one], all, deps)
    return context.json(target)
  })
  on(api, 'changeTarget', async (context) => {
    const { body } = await bodyOf(context, targetChangeSchema)
    const after = await store.targets.change(param(context, 'name'), (target) => {
      // What somebody else changed is not made good by the way.
      binder.must(target)
      return binder.bind(changed(target, body))
    })
    return context.json(withoutBond(after))
  })
  on(api, 'addTarget', async (context) => {
    const { body: asked } = await bodyOf(context, newTargetSchema)
    const credential = asked.credential.kind === 'federated' ? await deps.issuer.issue(asked.name) : asked.credential
    const target = binder.bind(targetOf(asked, credential, deps, now()))
    await store.targets.create(target, deps.seal(target.account.id, JSON.stringify(credential)))
    return context.json(withoutBond(target), 201, { location: `/v1/targets/${target.name}` })
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
    await noteReport(target, report, deps)
    return context.json(report)
  })
}
