import { afterAll, beforeAll, expect, test } from 'vitest'
import { envelopeVersion } from '../../../src/model/envelope.ts'
import { type Signed, signText } from '../../../src/model/signature.ts'
import type { TakenRequest } from '../../../src/store/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { openScene, type Scene, tokenFor } from './scene.ts'

let redis: OwnRedis
let scene: Scene
beforeAll(async () => {
  redis = await startOwnRedis()
  scene = await openScene(redis.url)
})
afterAll(async () => {
  await scene.close()
  await redis.stop()
})

/** What a newer server signed for an attempt that a worker holds. */
const newerEnvelope = async (): Promise<{ readonly envelope: Signed; readonly holder: string }> => {
  const target = await scene.addTarget(`t${Math.random().toString(36).slice(2)}`, 'default')
  const { job, envelope } = await scene.job(target)
  const holder = `wrk_of_${target.name}`
  await scene.hold(job, holder)
  const body = JSON.stringify({ ...(JSON.parse(envelope.body) as object), version: envelopeVersion + 1 })
  return { envelope: signText('envelope', body, scene.signer.privateKey), holder }
}

test('what only a newer server can answer is left to it, soon; where there is none, the worker is told so', async () => {
  const key = await scene.enrol('default')
  const older = scene.startServer({}, 60_000)
  const { envelope, holder } = await newerEnvelope()
  const asked = tokenFor(scene.worker(key, holder).requester.forAttempt(envelope)).catch((thrown: unknown) => thrown)
  // A newer server, as far as it takes part here: it takes what the older one leaves.
  const ending = new AbortController()
  let found: TakenRequest | undefined
  const begun = performance.now()
  for await (const taken of scene.store.broker.requests('srv_newer', ending.signal)) {
    found = taken.find(({ worker }) => worker === holder)
    if (found !== undefined) break
  }
  ending.abort()
  expect(performance.now() - begun).toBeLessThan(20_000)
  expect(scene.given()).toBe(0)
  await older.stop()
  if (found !== undefined) await scene.store.broker.leave('srv_newer', found.entry)

  scene.startServer({}, 1)
  expect(await asked).toMatchObject({ code: 'server_outdated', message: 'a newer server signed what the worker holds' })
  expect(scene.given()).toBe(0)
  expect(await redis.ask('XLEN', 'tel:{broker}:requests')).toEqual(['0'])
})
