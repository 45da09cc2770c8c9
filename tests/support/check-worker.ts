import { createConnector } from '../../src/cluster/connection.ts'
import type { Config } from '../../src/config.ts'
import { createMinting } from '../../src/credentials/grant.ts'
import type { MasterKey } from '../../src/credentials/keyfile.ts'
import { createRequester } from '../../src/credentials/request.ts'
import { makeSigner, openSigner } from '../../src/credentials/signer.ts'
import { createVault } from '../../src/credentials/vault.ts'
import { createLog } from '../../src/log.ts'
import { checkEnvelope, signEnvelope } from '../../src/model/envelope.ts'
import { newId } from '../../src/model/ids.ts'
import { consume } from '../../src/queue/index.ts'
import { startBroker } from '../../src/server/broker/broker.ts'
import type { Store } from '../../src/store/index.ts'
import type { WorkerDeps } from '../../workers/attempt.ts'
import { runCheck } from '../../workers/checks.ts'
import { enrolInStore } from './enrol.ts'
import { packagesOf } from './packages.ts'
import { sampleWorker } from './samples.ts'

/** What a worker needs to try targets: its own code, and a broker to ask, without an engine to start containers. */
export const startCheckWorker = async (options: {
  readonly url: string
  readonly store: Store
  readonly pool: string
  readonly key: MasterKey
}): Promise<{ stop(): Promise<void> }> => {
  const { store, pool, url, key } = options
  const id = newId('wrk')
  const ending = new AbortController()
  const { signal } = ending
  const signer = openSigner(key, makeSigner(key))
  const cluster = { connect: createConnector() }
  const minting = createMinting({
    readAccount: (account) => store.accounts.get(account),
    records: store.grants,
    key,
    cluster,
    installation: await store.installation(),
  })
  const broker = startBroker({ store, minting, vault: createVault(key), packages: packagesOf(store), signer, log: () => {}, signal })
  const requester = createRequester({
    channel: store.broker,
    key: await enrolInStore(store, pool, signer),
    worker: id,
    signal,
    log: () => {},
  })
  const deps = {
    id,
    config: { executor: 'docker', workerName: 'tester', pool } as Config,
    log: createLog('error'),
    store,
    cluster,
    fixedImage: () => undefined,
  } as unknown as WorkerDeps
  const beat = (): Promise<unknown> => store.workers.beat(sampleWorker(id, { pool }))
  await beat()
  const timer = setInterval(() => void beat(), 1000)
  const consumer = consume({
    url,
    pool,
    concurrency: 4,
    handler: async (item) => {
      if (item.kind !== 'check') return
      const of = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0, checkId: item.checkId, pool, target: item.target }
      const envelope = checkEnvelope(of, Date.now())
      await runCheck(envelope, requester.forAttempt(signEnvelope(envelope, signer.privateKey)), deps)
    },
    log: () => {},
  })
  return {
    async stop() {
      clearInterval(timer)
      await consumer.close()
      ending.abort()
      await broker.stopped
      await store.workers.remove(id)
    },
  }
}
