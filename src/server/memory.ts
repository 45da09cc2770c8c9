import { memoryWarning, type Store } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { on } from './on.ts'

/** What people should know of the store: how full it is, and whether all is there. */
const warningsOf = async (store: Pick<Store, 'memory' | 'backup'>): Promise<string[]> => [
  ...(await store.memory.look()).flatMap((use) => memoryWarning(use) ?? []),
  ...((await store.backup.isRestoring()) ? ['a restore was begun and is not complete: run telpher restore again'] : []),
]

/** How full Redis is: for people, and for telpher doctor. */
export const addMemoryRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'store', async (context) =>
    context.json({ redis: await store.memory.look(), warnings: await warningsOf(store), schema: store.schema }),
  )
}
