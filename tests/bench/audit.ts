import type { AuditEntry } from '../../src/model/audit.ts'
import { openStore } from '../../src/store/index.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { sampleSigner } from '../support/samplesigner.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

const records = 100_000
const atOnce = 500

const writeNumber = (n: number): AuditEntry => ({
  type: 'write',
  at: n,
  who: 'api:ann@laptop',
  target: 'prod-eu',
  deploymentId: 'dep_01JD0000000000000000000000',
  jobId: 'job_01JD0000000000000000000000',
  attempt: 1,
  step: 'web',
  verb: 'patch',
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  namespace: 'shop',
  name: `web-${n}`,
  dryRun: false,
  code: 200,
  ms: 7,
  credentialId: '2f6a1c52-6d5a-4b7e-9a43-0d3e5f1b2c3d',
  auditId: '7d7e6f5c-4b3a-4210-8f9e-1a2b3c4d5e6f',
})

/**
 * The record of who did what, with 100,000 records in a Redis of its own: `audit.recorded_per_s` is how many are given a place,
 * `audit.verify_100k_s` and `audit.read_100k_s` how long all of them take.
 * @throws Error when one is missing
 */
export const auditSuite = async (runs: number): Promise<Figure[]> => {
  const redis = await startOwnRedis({ appendfsync: 'everysec' })
  const store = await openStore({ url: redis.url })
  try {
    const [recorded = 0] = await timed(1, async () => {
      for (let n = 0; n < records; n += atOnce) {
        await store.audit.append(...Array.from({ length: atOnce }, (_, index) => writeNumber(n + index)))
        await store.audit.seal('srv_bench', sampleSigner)
      }
    })
    const verified = await timed(runs, async () => {
      const report = await store.audit.verify(sampleSigner)
      if (!report.ok || report.records !== records) throw new Error(`${report.records} of ${records} records were verified`)
    })
    const read = await timed(runs, async () => {
      let count = 0
      for (let cursor: string | undefined, isOver = false; !isOver; ) {
        const page = await store.audit.list({ limit: 1000, order: 'oldest', ...(cursor === undefined ? {} : { cursor }) })
        count += page.records.length
        cursor = page.next
        isOver = cursor === undefined
      }
      if (count !== records) throw new Error(`${count} of ${records} records were read`)
    })
    return [
      { id: 'audit.recorded_per_s', value: rounded(records / (recorded / 1000)), unit: 'records/s', runs: 1 },
      { id: 'audit.verify_100k_s', value: rounded(median(verified) / 1000), unit: 's', runs },
      { id: 'audit.read_100k_s', value: rounded(median(read) / 1000), unit: 's', runs },
    ]
  } finally {
    await store.close()
    await redis.stop()
  }
}
