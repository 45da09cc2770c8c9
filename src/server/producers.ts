import { fingerprintOf, newProducerSchema, type Producer } from '../model/producer.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param } from './on.ts'

export const addProducerRoutes = (api: Api, { store, signer, now = Date.now }: ApiDeps): void => {
  on(api, 'listProducers', async (context) => context.json({ producers: await store.producers.list() }))
  on(api, 'addProducer', async (context) => {
    const { body } = await bodyOf(context, newProducerSchema)
    const producer: Producer = { ...body, fingerprint: fingerprintOf(body.publicKey), createdAt: now() }
    await store.producers.create(producer)
    return context.json({ ...producer, serverKey: signer.publicPem }, 201)
  })
  on(api, 'removeProducer', async (context) => {
    await store.producers.remove(param(context, 'name'))
    return context.body(null, 204)
  })
}
