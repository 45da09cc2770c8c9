import { setTimeout as pause } from 'node:timers/promises'
import { alivePools, dueAfter, dueTargets, type HealthRecord, type HealthSettings, healthOf, intervalOf } from '../model/health.ts'
import { newId } from '../model/ids.ts'
import type { Target } from '../model/target.ts'
import type { Queue } from '../queue/index.ts'
import type { Store } from '../store/index.ts'

export interface HealthDeps {
  readonly store: Pick<Store, 'targets' | 'checks' | 'workers' | 'health'>
  readonly queue: Pick<Queue, 'enqueue'>
  readonly settings: HealthSettings
  readonly now?: () => number
}

/** Between two turns, in ms. */
const turnMs = 5000
/** Another server takes the turn when this one is silent for so long. */
const turnForMs = 20_000

/** The time between two checks of each target, by its pool. */
const intervals = (targets: readonly Target[], settings: HealthSettings): ((pool: string) => number) => {
  const counts = new Map<string, number>()
  for (const { pool } of targets) counts.set(pool, (counts.get(pool) ?? 0) + 1)
  return (pool) => intervalOf(settings, counts.get(pool) ?? 0)
}

/** Takes in the reports that have come, and asks the pools for the checks that are due. */
export const turnOfHealth = async ({ store, queue, settings, now = Date.now }: HealthDeps): Promise<void> => {
  const [targets, records, workers, time] = await Promise.all([
    store.targets.list(),
    store.health.list(),
    store.workers.list(),
    store.workers.now(),
  ])
  const known = new Map(records)
  const names = new Set(targets.map(({ name }) => name))
  await store.health.forget([...known.keys()].filter((name) => !names.has(name)))
  const put = async (name: string, record: HealthRecord): Promise<void> => {
    known.set(name, record)
    await store.health.put(name, record)
  }
  for (const [name, record] of records) {
    if (record.open === undefined || !names.has(name)) continue
    const report = await store.checks.get(record.open)
    if (report === undefined) continue
    const { open: _, ...rest } = record
    await put(name, { ...rest, health: healthOf(report, record.health) })
  }
  const intervalIn = intervals(targets, settings)
  for (const target of dueTargets(targets, known, alivePools(workers, time), settings, now())) {
    const open = newId('chk')
    const before = known.get(target.name)
    const health = before?.of === target.createdAt ? before.health : undefined
    // Noted before it is asked for: whoever takes over the turn must not ask for another one.
    await put(target.name, {
      of: target.createdAt,
      askedAt: now(),
      dueAt: dueAfter(now(), intervalIn(target.pool), Math.random()),
      open,
      ...(health === undefined ? {} : { health }),
    })
    await queue.enqueue(target.pool, { kind: 'check', checkId: open, target: target.name })
  }
}

/** Tries targets from time to time; of several servers one does it. */
export const startHealth = (
  deps: HealthDeps & { readonly server: string; readonly log: (line: object) => void; readonly signal: AbortSignal },
): { readonly stopped: Promise<void> } => {
  const { signal, store, server, log, settings } = deps
  const run = async (): Promise<void> => {
    while (!signal.aborted && settings.everyMs > 0) {
      try {
        if (await store.health.turn(server, turnForMs)) await turnOfHealth(deps)
      } catch (err) {
        log({ err, what: 'targets are not tried' })
      }
      await pause(turnMs, undefined, { signal }).catch(() => {})
    }
  }
  return { stopped: run() }
}
