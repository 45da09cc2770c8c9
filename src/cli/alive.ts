import type { Client } from '../client/http.ts'
import { deadAfterMs, type SeenWorker } from '../model/worker.ts'

/** Workers that were heard lately, in one pool or in all. */
export const aliveWorkers = async (client: Client, pool?: string): Promise<readonly SeenWorker[]> => {
  const { workers, now } = await client.workers()
  return workers.filter((worker) => now - worker.seenAt <= deadAfterMs && (pool === undefined || worker.pool === pool))
}
