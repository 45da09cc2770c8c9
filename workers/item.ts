import type { PoolKey } from '../src/credentials/poolkey.ts'
import type { Requester } from '../src/credentials/request.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { QueueItem } from '../src/queue/index.ts'
import { runAttempt, type WorkerDeps } from './attempt.ts'
import { runCheck } from './checks.ts'
import { readEnvelope, tellRefusal } from './envelope.ts'

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof TelpherError && (thrown.code === 'envelope_refused' || thrown.code === 'envelope_expired')

/**
 * Does what a queue item asks for, once its envelope is believed.
 * @returns `later` for one that only a newer worker can do
 */
export const handleItem = async (item: QueueItem, key: PoolKey, requester: Requester, deps: WorkerDeps): Promise<unknown> => {
  try {
    const envelope = readEnvelope(item, key, Date.now())
    if (envelope === 'newer') {
      deps.log.warn({ item: item.kind === 'job' ? item.jobId : item.checkId }, 'a queue item is left to newer workers')
      return 'later'
    }
    const requests = requester.forAttempt(item.envelope ?? { body: '', signature: '' })
    return await (envelope.kind === 'check' ? runCheck(envelope, requests, deps) : runAttempt(envelope, requests, deps))
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown
    deps.log.warn({ err: thrown, kind: item.kind, ...(item.kind === 'job' ? { job: item.jobId } : {}) }, 'a queue item is refused')
    return tellRefusal(item, thrown, { store: deps.store, pool: key.pool, workerName: deps.config.workerName })
  }
}
