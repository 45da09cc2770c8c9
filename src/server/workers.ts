import { TelpherError } from '../model/errors.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, param } from './on.ts'

export const addWorkerRoutes = (api: Api, { store: { workers }, version }: ApiDeps): void => {
  on(api, 'listWorkers', async (context) => context.json({ workers: await workers.list(), now: await workers.now(), version }))
  on(api, 'drainWorker', async (context) => {
    const name = param(context, 'name')
    const now = await workers.now()
    const asked: SeenWorker[] = []
    for (const worker of await workers.list()) {
      // One that is silent is dealt with by the watchdog: a wish would be kept for nobody.
      if (worker.name !== name || now - worker.seenAt > deadAfterMs) continue
      if (await workers.askDrain(worker.id)) asked.push(worker)
    }
    if (asked.length === 0) throw new TelpherError('unknown_worker', `no worker ${name.slice(0, 64)} is alive`)
    return context.json({ workers: asked, now }, 202)
  })
}
