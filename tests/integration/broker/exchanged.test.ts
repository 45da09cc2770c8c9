import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { PoolKey } from '../../../src/credentials/poolkey.ts'
import type { SealedRecord } from '../../../src/model/credential.ts'
import type { Signed } from '../../../src/model/signature.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { seededRandom } from '../../support/random.ts'
import { atWork, type Hearing, openScene, type Scene, tokenFor } from './scene.ts'

/** What anybody who reaches Redis could put in the place of something else: nobody is given anything for it, and each refusal has its code. */
let redis: OwnRedis
let scene: Scene
let key: PoolKey
beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())
beforeEach(async () => {
  scene = await openScene(redis.url)
  for (let server = 0; server < 2; server++) scene.startServer()
  key = await scene.enrol('blue')
})
afterEach(async () => {
  await scene.close()
  await redis.ask('FLUSHALL')
})

/** A worker with a job of its own, and where answers to it lie. */
const ownWork = async (name: string, how: Hearing = {}) => {
  const work = await atWork(scene, key, await scene.addTarget(name, 'blue'), how)
  return { ...work, answers: `tel:{broker}:answers:blue:${work.id}` }
}

const lie = (list: string, count: number): Promise<unknown> => eventually(async () => (await redis.ask('LLEN', list))[0] === String(count))

test.each([
  ['as they are', false],
  ['each under the id that the other waits for', true],
])('answers of two workers that change places, %s, are believed by neither, and each asks again for its own', async (_, renamed) => {
  const hear = Promise.withResolvers<void>()
  const how = { from: hear.promise, againMs: 1500 }
  const [one, two] = [await ownWork('one', how), await ownWork('two', how)]
  const asked = [tokenFor(one.requests), tokenFor(two.requests)]
  await Promise.all([lie(one.answers, 1), lie(two.answers, 1)])
  const [[first = '{}'], [second = '{}']] = [await redis.ask('LPOP', one.answers), await redis.ask('LPOP', two.answers)]
  const [ofOne, ofTwo] = [JSON.parse(first), JSON.parse(second)] as [{ requestId: string }, { requestId: string }]
  await redis.ask('RPUSH', one.answers, JSON.stringify(renamed ? { ...ofTwo, requestId: ofOne.requestId } : ofTwo))
  await redis.ask('RPUSH', two.answers, JSON.stringify(renamed ? { ...ofOne, requestId: ofTwo.requestId } : ofOne))
  hear.resolve()
  expect(await Promise.all(asked)).toEqual(['token-of-one', 'token-of-two'])
  const unbelieved = scene.refusals.filter((line) => line.includes('the answer is not for this request of this worker'))
  expect(unbelieved).toHaveLength(renamed ? 2 : 0)
})

test('what is no answer is passed over by who waits for one', async () => {
  const hear = Promise.withResolvers<void>()
  const { requests, answers } = await ownWork('one', { from: hear.promise })
  const asked = tokenFor(requests)
  await lie(answers, 1)
  for (const text of ['', 'no JSON', 'null', '7', '[]', '{}', '{"requestId":1,"body":{},"signature":null}'])
    await redis.ask('LPUSH', answers, text)
  hear.resolve()
  expect(await asked).toBe('token-of-one')
})

const accounts = 'tel:{targets}:accounts'

test.each([
  ['as they are', false],
  ['each under the id of the other', true],
])('sealed accounts of two targets that change places, %s, open for neither, also where they were opened before', async (_, renamed) => {
  const [one, two, fresh] = [await ownWork('one'), await ownWork('two'), await ownWork('fresh')]
  expect([await tokenFor(one.requests), await tokenFor(two.requests)]).toEqual(['token-of-one', 'token-of-two'])
  const ids = [one, two, fresh].map(({ target }) => target.account.id) as [string, string, string]
  const records = await Promise.all(ids.map(async (id) => JSON.parse((await redis.ask('HGET', accounts, id))[0] ?? '') as SealedRecord))
  const given = scene.given()
  for (const [at, id] of ids.entries()) {
    const other = records[(at + 1) % records.length] as SealedRecord
    await redis.ask('HSET', accounts, id, JSON.stringify(renamed ? { ...other, id } : other))
  }
  for (const { requests } of [one, two, fresh])
    for (const kind of ['grant', 'renew'] as const)
      await expect(requests.ask(kind, 600_000)).rejects.toMatchObject({ code: 'sealed_record' })
  expect(scene.given()).toBe(given)
  for (const [at, id] of ids.entries()) await redis.ask('HSET', accounts, id, JSON.stringify(records[at]))
  expect(await tokenFor(fresh.requests)).toBe('token-of-fresh')
})

const envelopes = Number(process.env['FLIPPED_ENVELOPES'] ?? 2)
/** Of each envelope so many bytes are flipped, at chance places; every one of them in the long run. */
const flips = process.env['FLIPPED_ENVELOPES'] === undefined ? 60 : Number.POSITIVE_INFINITY
const seed = Number(process.env['SOAK_SEED'] ?? Date.now() % 1_000_000)

/** The envelope with one bit of another value, in its text or in its signature. */
const flipped = ({ body, signature }: Signed, at: number, bit: number): Signed => {
  const bytes = Buffer.from(body + signature)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  const text = bytes.toString('latin1')
  return { body: text.slice(0, body.length), signature: text.slice(body.length) }
}

test(`nothing is given for an envelope with a flipped byte: ${envelopes} envelopes`, { timeout: 7_200_000 }, async () => {
  const random = seededRandom(seed)
  for (let n = 0; n < envelopes; n++) {
    const { envelope, requester, requests, renew } = await ownWork(`t-${n}`)
    const given = scene.given()
    const length = envelope.body.length + envelope.signature.length
    const places = Array.from({ length: Math.min(flips, length) }, (_, at) => (flips < length ? Math.floor(random() * length) : at))
    for (let begun = 0; begun < places.length; begun += 64)
      await Promise.all(
        places.slice(begun, begun + 64).map(async (at) => {
          const bit = Math.floor(random() * 8)
          const refused = requester.forAttempt(flipped(envelope, at, bit)).ask('grant', 600_000)
          await expect(refused, `SOAK_SEED=${seed}: bit ${bit} of byte ${at} of ${n}`).rejects.toMatchObject({ code: 'envelope_refused' })
        }),
      )
    expect(scene.given()).toBe(given)
    // All of its bytes take longer than a claim lasts.
    await renew()
    expect(await tokenFor(requests)).toBe(`token-of-t-${n}`)
  }
})

test('nothing is given for a request with a flipped byte, whoever answers it', async () => {
  const random = seededRandom(seed)
  const { requests, target } = await ownWork('one', { from: new Promise(() => {}) })
  void requests.ask('grant', 600_000).catch(() => {})
  await eventually(() => scene.sent.length === 1 && scene.given() === 1)
  const [sent] = scene.sent
  if (sent === undefined) throw new Error('nothing was sent')
  for (let n = 0; n < 100; n++) {
    const bytes = Buffer.from(sent.body)
    const at = Math.floor(random() * bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 7))
    await scene.store.broker.send({ ...sent, body: bytes.toString('latin1') })
  }
  await eventually(async () => (await redis.ask('XLEN', 'tel:{broker}:requests'))[0] === '0')
  expect(scene.given(), `SOAK_SEED=${seed} ${target.name}`).toBe(1)
  // One that can still be read is refused with a code; one that cannot has nobody to be told.
  const said = scene.refusals.map((line) => JSON.parse(line) as { code?: string; msg: string })
  expect(said).toHaveLength(100)
  const codes = new Set(said.map(({ code, msg }) => code ?? msg))
  expect(
    [...codes].filter((code) => !['enrolment_refused', 'envelope_refused', 'a request to the broker cannot be read'].includes(code)),
  ).toEqual([])
})
