import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on } from './on.ts'
import { newPinSchema } from './schemas.ts'

export const addImageRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'listPins', async (context) => context.json({ pins: await store.images.pins() }))
  on(api, 'pinImage', async (context) => {
    const { body } = await bodyOf(context, newPinSchema)
    context.set('subject', body.image)
    await store.images.pin(body.image, body.ids)
    return context.json({ pins: await store.images.pins() })
  })
}
