import { type Freeze, newFreezeSchema } from '../model/freeze.ts'
import { newId } from '../model/ids.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param } from './on.ts'

export const addFreezeRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'listFreezes', async (context) => context.json({ freezes: await store.freezes.list(await store.workers.now()) }))
  on(api, 'addFreeze', async (context) => {
    const { body } = await bodyOf(context, newFreezeSchema)
    const { target, tags, reason, seconds } = body
    // A name that nobody has would freeze nothing, and nobody would notice.
    if (target !== undefined) await store.targets.get(target)
    const now = await store.workers.now()
    const freeze: Freeze = {
      id: newId('frz', now),
      ...(target === undefined ? {} : { target }),
      ...(tags === undefined ? {} : { tags }),
      reason,
      createdAt: now,
      ...(seconds === undefined ? {} : { until: now + seconds * 1000 }),
    }
    await store.freezes.add(freeze)
    return context.json(freeze, 201)
  })
  on(api, 'liftFreeze', async (context) => {
    await store.freezes.lift(param(context, 'id'))
    return context.body(null, 204)
  })
}
