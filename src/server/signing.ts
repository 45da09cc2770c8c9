import type { Signer } from '../credentials/signer.ts'
import { checkEnvelope, isForNewer, jobEnvelope, signEnvelope } from '../model/envelope.ts'
import { newId } from '../model/ids.ts'
import type { Signed } from '../model/signature.ts'
import type { Queue, QueueItem } from '../queue/index.ts'
import type { Store } from '../store/index.ts'

interface SigningDeps {
  readonly store: Pick<Store, 'jobs' | 'images' | 'pools'>
  readonly signer: Pick<Signer, 'privateKey'>
  readonly maxStarts: number
  readonly now?: () => number
}

/**
 * The queue of a server: what goes into it is signed, with what decides what becomes of it, since whoever reaches Redis can write there too.
 */
export const signingQueue = (queue: Queue, { store, signer, maxStarts, now = Date.now }: SigningDeps): Queue => {
  /** Undefined for what only a newer server may enqueue: it finds by itself that it has to. */
  const sign = async (pool: string, item: QueueItem): Promise<Signed | undefined> => {
    if (item.kind === 'check') {
      // Of no deployment: its credential is bound like that of an attempt, and swept like one that nobody knows.
      const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
      return signEnvelope(checkEnvelope({ ...attempt, checkId: item.checkId, pool, target: item.target }, now()), signer.privateKey)
    }
    const [job, pins, { image }] = await Promise.all([store.jobs.get(item), store.images.pins(), store.pools.get(pool)])
    if (isForNewer(job)) return undefined
    return signEnvelope(jobEnvelope(job, item.attempt, { image, pins, maxStarts, now: now() }), signer.privateKey)
  }
  return {
    ...queue,
    enqueue: async (pool, item, copy) => {
      const envelope = await sign(pool, item)
      if (envelope !== undefined) await queue.enqueue(pool, { ...item, envelope }, copy)
    },
  }
}
