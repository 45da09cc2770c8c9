import type { LedgerEntry } from '../../src/model/ledger.ts'
import { expand } from '../../src/scheduler/index.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { applyStep, sampleRequest, sampleTarget } from '../support/samples.ts'
import type { Figure } from './figures.ts'
import { rounded } from './figures.ts'

const deployments = 1000
/** What an apply of three objects writes and says. */
const writes = 3
const logLines = 40

const entryOf = (n: number): LedgerEntry => ({
  n,
  attempt: 1,
  at: Date.now(),
  verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  namespace: 'shop',
  name: `web-${n}`,
  uid: `0f8fad5b-d9cb-469f-a165-70867728950${n}`,
  generation: 1,
  dryRun: false,
  code: 200,
  ms: 12,
  credentialId: '0011223344556677',
  auditId: `7c9e6679-7425-40de-944b-e07fc1f9000${n}`,
})

/** One deployment as its parts leave it behind, without the parts. */
const leaveBehind = async (store: Store, n: number): Promise<void> => {
  const { deployment, jobs } = expand(sampleRequest([applyStep('web')], ['t1']), [sampleTarget('t1')], Date.now())
  await store.deployments.create(deployment, jobs)
  await store.deployments.advance(deployment.id, 'pending', 'executing', { startedAt: Date.now() })
  for (const job of jobs) {
    await store.jobs.apply(job, { type: 'admit' })
    await store.jobs.apply(job, { type: 'start', worker: 'wrk_01' })
    await store.jobs.apply(job, { type: 'run', attempt: 1 })
    const log = store.logs(job)
    const line = (at: number): string => `deployment.apps/web-${at} serverside-applied ${(n * 7919 + at * 104_729).toString(36)}`
    await log.append(Array.from({ length: logLines }, (_, at) => ({ stream: 'stdout' as const, text: line(at), at: Date.now() })))
    await store.ledger(job).append(Array.from({ length: writes }, (_, at) => entryOf(at + 1)))
    await store.jobs.apply(job, { type: 'verify', attempt: 1 })
    await log.end()
    await store.jobs.apply(job, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: `${writes} objects are current` } })
  }
  await store.deployments.advance(deployment.id, 'executing', 'finalizing', {})
  await store.deployments.advance(deployment.id, 'finalizing', 'finished', { result: 'success', endedAt: Date.now() })
}

/** `redis.mb_per_1000_deployments`: what a thousand deployments of one step, three writes and forty lines leave in a Redis of their own. */
export const memorySuite = async (): Promise<Figure[]> => {
  const redis = await startOwnRedis()
  const store = await openStore({ url: redis.url })
  const used = async (): Promise<number> => (await store.memory.look(0)).reduce((sum, { usedBytes }) => sum + usedBytes, 0)
  try {
    await leaveBehind(store, 0)
    const before = await used()
    for (let n = 1; n <= deployments; n++) await leaveBehind(store, n)
    const after = await used()
    return [{ id: 'redis.mb_per_1000_deployments', value: rounded((after - before) / 1e6), unit: 'MB', runs: 1 }]
  } finally {
    await store.close()
    await redis.stop()
  }
}
