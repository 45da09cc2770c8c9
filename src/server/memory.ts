import { type MemoryUse, memoryWarning, type Store } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { on } from './on.ts'

const levels: Readonly<Record<MemoryUse['level'], number>> = { ok: 0, warn: 1, refuse: 2, reserve: 3 }

/** What people should know of the store: how full it is, and whether all is there. */
const warningsOf = async (store: Pick<Store, 'memory' | 'backup'>): Promise<string[]> => [
  ...(await store.memory.look()).flatMap((use) => memoryWarning(use) ?? []),
  ...((await store.backup.isRestoring()) ? ['a restore was begun and is not complete: run telpher restore again'] : []),
]

const gauge = (name: string, help: string, rows: readonly (readonly [labels: string, value: number])[]): string =>
  [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...rows.map(([labels, value]) => `${name}{${labels}} ${value}`), ''].join('\n')

/** Prometheus' text format 0.0.4. */
const metricsOf = (uses: readonly MemoryUse[]): string => {
  const rows = (value: (use: MemoryUse) => number) => uses.map((use) => [`redis="${use.redis}"`, value(use)] as const)
  return [
    gauge(
      'telpher_redis_used_bytes',
      'Memory that Redis counts against its maxmemory.',
      rows(({ usedBytes }) => usedBytes),
    ),
    gauge(
      'telpher_redis_max_bytes',
      'The maxmemory of Redis; 0 where none is set.',
      rows(({ maxBytes }) => maxBytes),
    ),
    gauge(
      'telpher_redis_level',
      '0 room, 1 old logs go early, 2 new deployments are refused, 3 log lines are left out.',
      rows(({ level }) => levels[level]),
    ),
  ].join('')
}

/** How full Redis is: for people, for telpher doctor, and for Prometheus. */
export const addMemoryRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'store', async (context) =>
    context.json({ redis: await store.memory.look(), warnings: await warningsOf(store), schema: store.schema }),
  )
  on(api, 'metrics', async (context) =>
    context.body(metricsOf(await store.memory.look()), 200, { 'content-type': 'text/plain; version=0.0.4' }),
  )
}
