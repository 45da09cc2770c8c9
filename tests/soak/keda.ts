import { deepStrictEqual, match } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import type { Scale } from '../../src/model/scale.ts'
import { createTestCli } from '../integration/cli/cli.ts'
import { type ServedApi, serveApi } from '../integration/server/api.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { sampleWorker } from '../support/samples.ts'
import { askKeda, type KedaAnswer } from './kedascaler/ask.ts'

interface Documented {
  readonly kind: string
  readonly spec?: {
    readonly secretTargetRef?: readonly { readonly parameter: string; readonly key: string }[]
    readonly triggers?: readonly { readonly type: string; readonly metadata: Readonly<Record<string, string>> }[]
  }
}

/** What the page on scaling has people apply. */
const documented = async (): Promise<readonly Documented[]> => {
  const page = await readFile(new URL('../../docs/how-to/scale-workers.md', import.meta.url), 'utf8')
  const block = page
    .split('```yaml\n')
    .map((part) => part.split('```')[0] ?? '')
    .find((text) => text.includes('kind: ScaledObject'))
  return parseAllDocuments(block ?? '').map((one) => one.toJS() as Documented)
}

/** KEDA's answer with the documented trigger, at this server's address. */
const kedaOf = async (served: ServedApi, pool: string, token: string): Promise<KedaAnswer> => {
  const documents = await documented()
  const [trigger] = documents.find(({ kind }) => kind === 'ScaledObject')?.spec?.triggers ?? []
  const [reference] = documents.find(({ kind }) => kind === 'TriggerAuthentication')?.spec?.secretTargetRef ?? []
  deepStrictEqual([trigger?.type, reference?.key], ['metrics-api', 'token'])
  const url = `${served.url}${new URL(trigger?.metadata['url'] ?? '').pathname.replace('/eu/', `/${pool}/`)}`
  return askKeda({ metadata: { ...trigger?.metadata, url }, authParams: { [reference?.parameter ?? '']: token } })
}

const attempts = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ deploymentId: 'dep_a', jobId: `job_${n}`, attempt: 1, openWrites: 0 }))

const compare = async (served: ServedApi): Promise<void> => {
  const cli = await createTestCli(served)
  const explained = async (): Promise<Scale> => JSON.parse((await cli.run(['pool', 'explain', 'eu', '-o', 'json'])).stdout) as Scale
  /** KEDA and `pool explain` see the same, which is so many workers; as the autoscaler divides, and KEDA itself goes from and to zero. */
  const agree = async (workers: number, when: string): Promise<void> => {
    const [asked, { desired }] = [await kedaOf(served, 'eu', served.token), await explained()]
    deepStrictEqual(asked, { value: desired, target: 1, active: desired > 0 }, when)
    deepStrictEqual(asked.active ? Math.ceil(asked.value / asked.target) : 0, workers, when)
  }
  const beat = (id: string, count: number): Promise<unknown> =>
    served.store.workers.beat(sampleWorker(id, { pool: 'eu', concurrency: 4, attempts: attempts(count) }))

  await served.call('POST', '/v1/pools', { name: 'eu', scaling: { max: 5, coolDownSeconds: 0 } })
  await agree(0, 'idle')
  const first = { deploymentId: 'dep_a', jobId: 'job_a' }
  await served.store.rooms.enter('pool:eu', first, { priority: 1, weight: 1, places: 0, waiting: 9 })
  await agree(3, 'nine jobs wait, and a worker takes four')
  await served.store.rooms.leave('pool:eu', first)
  await Promise.all([beat('wrk_1', 1), beat('wrk_2', 1)])
  await agree(2, 'two workers are busy')
  await served.call('PATCH', '/v1/pools/eu', { scaling: { max: 1 } })
  await agree(2, 'two workers are busy, which is more than the maximum')
  await Promise.all([beat('wrk_1', 0), beat('wrk_2', 0)])
  await agree(0, 'back to zero')
  match((await kedaOf(served, 'eu', 'tel_no')).error ?? '', /401/)
  match((await kedaOf(served, 'other', served.token)).error ?? '', /404/)
}

/** KEDA's own scaler, with the trigger that the pages show, against a server: idle, waiting, busy, and back to zero. @throws AssertionError */
export const soakKeda = async (): Promise<void> => {
  const redis = await startOwnRedis()
  const served = await serveApi({ redisUrl: redis.url })
  try {
    await compare(served)
  } finally {
    await served.close()
    await redis.stop()
  }
}
