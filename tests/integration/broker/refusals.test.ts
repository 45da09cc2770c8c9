import { generateKeyPairSync } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PoolKey } from '../../../src/credentials/poolkey.ts'
import { type AttemptRequests, brokerGrants } from '../../../src/credentials/request.ts'
import { enrolmentOf } from '../../../src/model/enrolment.ts'
import { jobEnvelope, signEnvelope } from '../../../src/model/envelope.ts'
import { keyFingerprint, pemOf, type Signed, signText } from '../../../src/model/signature.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { atWork, openScene, type Scene, tokenFor } from './scene.ts'

let redis: OwnRedis
let scene: Scene
let blue: PoolKey
let green: PoolKey
beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())
beforeEach(async () => {
  scene = await openScene(redis.url)
  for (let server = 0; server < 2; server++) scene.startServer()
  ;[blue, green] = [await scene.enrol('blue'), await scene.enrol('green')]
})
afterEach(async () => {
  await scene.close()
  await redis.ask('FLUSHALL')
})

/** A worker of a pool with a job of that pool that it holds. */
const holding = async (key: PoolKey) => atWork(scene, key, await scene.addTarget(`of-${key.pool}`, key.pool))
const settled = (): Promise<unknown> => eventually(async () => (await redis.ask('XLEN', 'tel:{broker}:requests'))[0] === '0')
const expectNothing = async (asked: AttemptRequests, code: string, before = 0): Promise<void> => {
  for (const kind of ['grant', 'renew', 'secrets'] as const) await expect(asked.ask(kind, 600_000)).rejects.toMatchObject({ code })
  await settled()
  expect(scene.given()).toBe(before)
}

test('who holds the attempt is given what it needs, whichever server answers, and nobody else could read it', async () => {
  const { requests, target, job, id } = await holding(blue)
  expect(await tokenFor(requests)).toBe(`token-of-${target.name}`)
  expect(await requests.ask('renew', 600_000)).toMatchObject({ is: 'credential', credential: { token: `token-of-${target.name}` } })
  expect(await requests.ask('secrets')).toEqual({ is: 'secrets', values: {} })
  expect(await requests.ask('end')).toEqual({ is: 'done' })
  expect(await redis.ask('EXISTS', `tel:{broker}:answers:blue:${id}`)).toEqual(['0'])
  expect(await redis.ask('HGET', `tel:{${job.deploymentId}}:marks`, `asked:${job.jobId}`)).toEqual([expect.stringMatching(/^1 4 /)])
})

describe('nothing is given', () => {
  test.each([
    ['where it is', { server: 'https://evil.example:6443' }],
    ['whom it trusts', { ca: 'theirs' }],
    ['what it allows', { policy: { namespaces: [], grants: ['proxy'], verbs: [], resources: [] } }],
    ['that a server wrote it', { bound: undefined }],
  ])('for a target of which somebody changed %s, in Redis', async (_, change) => {
    const { target, requests } = await holding(blue)
    await redis.ask('HSET', 'tel:{targets}:records', target.name, JSON.stringify({ ...target, ...change }))
    for (const kind of ['grant', 'renew', 'end'] as const)
      await expect(requests.ask(kind, 600_000)).rejects.toMatchObject({ code: 'target_changed' })
    await settled()
    expect(scene.given()).toBe(0)
  })

  test('to a worker that read another record than the server did', async () => {
    const { target, requests, attempt } = await holding(blue)
    const connect = (): never => {
      throw new Error('something was connected')
    }
    const grants = brokerGrants({ requests, cluster: { connect } })
    await expect(grants.grant({ ...target, server: 'https://evil.example:6443' }, attempt, 600_000)).rejects.toMatchObject({
      code: 'target_changed',
    })
    expect((await grants.grant(target, attempt, 600_000)).credential.kind).toBe('bearer')
  })

  test('for another pool’s job, whatever the worker says of itself', async () => {
    const theirs = await holding(green)
    const { requester } = scene.worker(blue)
    await expectNothing(requester.forAttempt(theirs.envelope), 'grant_refused')
    // Its own key under the other pool's name.
    const liar = scene.worker({ ...blue, pool: 'green' })
    await expectNothing(liar.requester.forAttempt(theirs.envelope), 'enrolment_refused')
    // The other pool's enrolment with its own signature.
    const thief = scene.worker({ ...blue, pool: 'green', fingerprint: green.fingerprint })
    await expectNothing(thief.requester.forAttempt(theirs.envelope), 'enrolment_refused')
  })

  test('for a job that nobody has begun, and for one that another worker has', async () => {
    const target = await scene.addTarget('t', 'blue')
    const { job, envelope } = await scene.job(target)
    const { requester } = scene.worker(blue)
    await expectNothing(requester.forAttempt(envelope), 'grant_refused')
    await scene.hold(job, 'wrk_another')
    await expectNothing(requester.forAttempt(envelope), 'grant_refused')
  })

  test('for an attempt that another one followed, and for one that ended', async () => {
    const { job, envelope, id, requester } = await holding(blue)
    await scene.store.jobs.apply(job, { type: 'requeue', attempt: 1 })
    await expectNothing(requester.forAttempt(envelope), 'grant_refused')
    await scene.hold(job, id)
    await expectNothing(requester.forAttempt(envelope), 'grant_refused')
    const next = signEnvelope(jobEnvelope(job, 2, { pins: {}, maxStarts: 5, now: Date.now() }), scene.signer.privateKey)
    expect(await tokenFor(requester.forAttempt(next))).toBe('token-of-of-blue')
    await scene.store.jobs.apply(job, { type: 'finish', attempt: 2, end: { status: 'succeeded', sentence: 'done' } })
    await expectNothing(requester.forAttempt(next), 'grant_refused', 1)
  })

  test('while the claim was not renewed lately; then it is', async () => {
    const { requests, job, id, attempt } = await holding(blue)
    await redis.ask('HSET', `tel:{${job.deploymentId}}:marks`, `renewed:${job.jobId}`, String(Date.now() - 9000))
    const asked = tokenFor(requests)
    await eventually(() => scene.refusals.some((line) => line.includes('claim_unproven')))
    expect(scene.given()).toBe(0)
    await scene.store.claims.renew(job, attempt.attempt, id)
    expect(await asked).toBe('token-of-of-blue')
  })

  test('twice for a request that a connection which broke put there twice: the one who asked gets its answer', async () => {
    const { requests } = await holding(blue)
    const { send } = scene.store.broker
    const twice = vi.spyOn(scene.store.broker, 'send').mockImplementation(async (request) => {
      await send(request)
      await send(request)
    })
    expect(await tokenFor(requests)).toBe('token-of-of-blue')
    twice.mockRestore()
  })

  test('for a request that is sent again, while the attempt runs and after', async () => {
    const { requests, job, id } = await holding(blue)
    await tokenFor(requests)
    await requests.ask('secrets')
    const answered = scene.given()
    const replay = async (): Promise<void> => {
      for (const request of [...scene.sent]) await scene.store.broker.send(request)
      await settled()
      expect(scene.given()).toBe(answered)
    }
    await replay()
    expect(scene.refusals.filter((line) => line.includes('asked before'))).toHaveLength(2)
    await scene.store.jobs.apply(job, { type: 'finish', attempt: 1, end: { status: 'succeeded', sentence: 'done' } })
    await replay()
    // What came of them went to nobody: their worker waits for no answer.
    await eventually(async () => (await redis.ask('EXISTS', `tel:{broker}:answers:blue:${id}`))[0] === '0')
  })

  test('under an envelope that was changed, whatever was', async () => {
    const { envelope, requester } = await holding(blue)
    const flip = (at: number): Signed => {
      const bytes = Buffer.from(envelope.body)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return { ...envelope, body: bytes.toString() }
    }
    for (let at = 0; at < envelope.body.length; at += 40)
      await expect(requester.forAttempt(flip(at)).ask('grant', 600_000)).rejects.toMatchObject({ code: 'envelope_refused' })
    const other = signText('envelope', envelope.body, generateKeyPairSync('ed25519').privateKey)
    await expectNothing(requester.forAttempt(other), 'envelope_refused')
  })

  test('for a step or a target that is another one than was signed', async () => {
    const { job, envelope, id, target } = await holding(blue)
    const record = `tel:{${job.deploymentId}}:record`
    const [text = ''] = await redis.ask('HGET', record, 'deployment')
    await redis.ask('HSET', record, 'deployment', text.replace('"release":"web"', '"release":"other"'))
    const fresh = await openFresh()
    await expectNothing(fresh.worker(blue, id).requester.forAttempt(envelope), 'envelope_refused')
    await redis.ask('HSET', 'tel:{targets}:records', target.name, JSON.stringify({ ...target, pool: 'green' }))
    await redis.ask('HSET', record, 'deployment', text)
    await expectNothing((await openFresh()).worker(blue, id).requester.forAttempt(envelope), 'grant_refused')
  })

  test('to a worker that was never enrolled, or that somebody else enrolled', async () => {
    const { envelope } = await holding(blue)
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const stranger: PoolKey = { pool: 'blue', privateKey, fingerprint: keyFingerprint(publicKey), serverKeys: [scene.signer.publicKey] }
    await expectNothing(scene.worker(stranger).requester.forAttempt(envelope), 'enrolment_refused')
    const enrolment = JSON.stringify(enrolmentOf('blue', pemOf(publicKey), Date.now()))
    await scene.store.enrolments.create(stranger.fingerprint, signText('enrolment', enrolment, privateKey))
    await expectNothing(scene.worker(stranger).requester.forAttempt(envelope), 'enrolment_refused')
    await expect(scene.worker(stranger).requester.hello()).rejects.toMatchObject({ code: 'enrolment_refused' })
  })

  test('to workers whose enrolment was revoked, and another key of their pool goes on', async () => {
    const { requests, target } = await holding(blue)
    expect(await tokenFor(requests)).toBe('token-of-of-blue')
    const next = scene.worker(await scene.enrol('blue'))
    await scene.store.enrolments.remove(blue.fingerprint)
    await expectNothing(requests, 'enrolment_refused', 1)
    const { job, envelope } = await scene.job(target)
    await scene.hold(job, next.id)
    expect(await tokenFor(next.requester.forAttempt(envelope))).toBe('token-of-of-blue')
  })

  test('to who cannot be read', async () => {
    await scene.store.broker.send({ pool: 'blue', worker: 'wrk_1', body: '{', signature: '' })
    await scene.store.broker.send({ pool: 'blue', worker: 'wrk_1', body: '{}', signature: 'AAAA' })
    await settled()
    expect(scene.refusals).toHaveLength(2)
  })
})

/** Servers that have read nothing of a deployment yet. */
const openFresh = async (): Promise<Scene> => {
  await scene.close()
  scene = await openScene(redis.url, scene)
  scene.startServer()
  return scene
}

test('answers that change places are believed by nobody, and the right one still comes', async () => {
  const [one, two] = [await holding(blue), await holding(green)]
  const [mine, theirs] = ['blue', 'green'].map((pool, index) => `tel:{broker}:answers:${pool}:${[one, two][index]?.id}`) as [string, string]
  await tokenFor(one.requests)
  // What the other worker gets, put before this one, under this one's request.
  const waiting = tokenFor(one.requests)
  const forged = { requestId: 'unknown', body: 'AAAA', signature: 'AAAA' }
  await redis.ask('RPUSH', mine, JSON.stringify(forged))
  await redis.ask('RPUSH', theirs, JSON.stringify(forged))
  expect(await waiting).toBe('token-of-of-blue')
  expect(await tokenFor(two.requests)).toBe('token-of-of-green')
})
