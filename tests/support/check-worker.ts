import { createConnector } from '../../src/cluster/connection.ts'
import type { Config } from '../../src/config.ts'
import { localGrants } from '../../src/credentials/broker.ts'
import type { MasterKey } from '../../src/credentials/keyfile.ts'
import { createLog } from '../../src/log.ts'
import { newId } from '../../src/model/ids.ts'
import { consume } from '../../src/queue/index.ts'
import type { Store } from '../../src/store/index.ts'
import type { WorkerDeps } from '../../workers/attempt.ts'
import { runCheck } from '../../workers/checks.ts'
import { sampleWorker } from './samples.ts'

/** What a worker needs to try targets: its own code and credentials, without an engine to start containers. */
export const startCheckWorker = async (options: {
  readonly url: string
  readonly store: Store
  readonly pool: string
  readonly key: MasterKey
}): Promise<{ stop(): Promise<void> }> => {
  const { store, pool, url, key } = options
  const id = newId('wrk')
  const deps = {
    config: { executor: 'docker', workerName: 'tester', pool } as Config,
    log: createLog('error'),
    store,
    fixedImage: () => undefined,
    grants: localGrants({
      readAccount: (account) => store.accounts.get(account),
      records: store.grants,
      key,
      cluster: { connect: createConnector() },
      installation: await store.installation(),
    }),
  } as unknown as WorkerDeps
  const beat = (): Promise<unknown> => store.workers.beat(sampleWorker(id, { pool }))
  await beat()
  const timer = setInterval(() => void beat(), 1000)
  const consumer = consume({
    url,
    pool,
    concurrency: 4,
    handler: async (item) => {
      if (item.kind === 'check') await runCheck(item, deps)
    },
    log: () => {},
  })
  return {
    async stop() {
      clearInterval(timer)
      await consumer.close()
      await store.workers.remove(id)
    },
  }
}
