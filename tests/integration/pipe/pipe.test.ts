import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { buffer, json, text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formsOf } from '../../../src/credentials/encodings.ts'
import { newId } from '../../../src/model/ids.ts'
import type { PipeLetter, PipeMail } from '../../../src/model/pipe.ts'
import { Secret } from '../../../src/model/secret.ts'
import type { Target } from '../../../src/model/target.ts'
import { decodeFrames } from '../../../src/pipe/frames.ts'
import { createEndpoint } from '../../../src/pipe/index.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { startMadeServer, startRecorder } from '../../support/pipe-server.ts'
import { type Pipes, startPipes } from '../../support/pipes.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'

let redis: OwnRedis
let cluster: Cluster
let token: string
let pipes: Pipes
const letters: PipeLetter[] = []

/** Keeps every letter that is sent, by whichever end. */
const tap = (mail: PipeMail): PipeMail => ({
  ...mail,
  send(to, letter) {
    letters.push(letter)
    return mail.send(to, letter)
  },
})

const bearer = (value: string) => ({ id: 'cred', kind: 'bearer' as const, token: new Secret(value) })
const pipeKeys = async (): Promise<string[]> => (await redis.ask('KEYS', 'tel:{pipe:*')).filter((line) => line.startsWith('tel:'))

beforeAll(async () => {
  redis = await startOwnRedis({ appendfsync: 'everysec' })
  cluster = await sharedCluster('kwok')
  token = await cluster.serviceAccountToken(await freshNamespace(cluster), 'piped')
  pipes = await startPipes(redis.url, { tap })
})
afterAll(async () => {
  await pipes.stop()
  expect(await pipeKeys()).toEqual([])
  await redis.stop()
})

const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }

test('an API server answers through a worker, which sees neither token nor request nor answer', async () => {
  const recorder = await startRecorder(Number(new URL(cluster.server).port))
  const target = await pipes.target(`https://127.0.0.1:${recorder.port}`, { ca: cluster.caPem })
  letters.length = 0
  const marker = `marker-${randomBytes(12).toString('hex')}`
  const connection = pipes.cluster.connect(target, bearer(token))
  const answer = await connection.request({
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    headers: { 'content-type': 'application/json', 'x-marker': marker },
    body: JSON.stringify({ ...review, metadata: { annotations: { marker } } }),
  })
  expect(answer.status).toBe(201)
  const { status } = (await json(answer.body)) as { status: { userInfo: { username: string } } }
  expect(status.userInfo.username).toMatch(/^system:serviceaccount:test-.*:piped$/)

  const overRedis = Buffer.concat(
    letters.flatMap(({ bytes }) => decodeFrames(bytes)).map(({ type, payload }) => (type === 'data' ? payload : Buffer.alloc(0))),
  )
  const whole = letters.map(({ bytes }) => bytes)
  const overTcp = [...recorder.toServer, ...recorder.fromServer].map((chunks) => Buffer.concat(chunks))
  const carried = Buffer.concat([...whole, overRedis, ...overTcp])
  expect(carried.length).toBeGreaterThan(4000)
  const secrets = [token, marker, 'SelfSubjectReview', 'selfsubjectreviews', 'authorization', 'Bearer', status.userInfo.username]
  for (const secret of secrets)
    for (const form of formsOf(secret)) expect(carried.includes(form), `${secret.slice(0, 20)} as ${form}`).toBe(false)
  // The target's name is what the worker has to know: the search does find what is there.
  expect(carried.includes(target.name)).toBe(true)
  // Records of TLS: handshake (22), version 3.x (RFC 8446 5.1).
  for (const bytes of overTcp) expect([bytes[0], bytes[1]]).toEqual([22, 3])
  connection.close()
  await recorder.stop()
})

test('fifty requests at the same time go over pipes of their own, which are kept', async () => {
  const target = await pipes.target(cluster.server, { ca: cluster.caPem })
  const connection = pipes.newCluster().connect(target, bearer(token))
  const worker = await pipes.addWorker()
  const ask = async (): Promise<number> => {
    const { body, status } = await connection.request({ method: 'GET', path: '/version', timeoutMs: 60_000 })
    await text(body)
    return status
  }
  expect(new Set(await Promise.all(Array.from({ length: 50 }, ask)))).toEqual(new Set([200]))
  const opened = letters.flatMap(({ bytes }) => decodeFrames(bytes)).filter(({ type }) => type === 'open').length
  for (let n = 0; n < 10; n++) await ask()
  expect(letters.flatMap(({ bytes }) => decodeFrames(bytes)).filter(({ type }) => type === 'open').length).toBe(opened)
  await worker.stop()
})

describe('much and slow', () => {
  const size = 10_000_000
  const body = randomBytes(size)
  const sum = createHash('sha256').update(body).digest('hex')

  test('ten megabytes come whole, and while nobody reads them they wait at their server', async () => {
    const made = await startMadeServer((_, response) => response.end(body))
    const target = await pipes.target(made.url, { ca: made.ca })
    const { body: answer } = await pipes.cluster.connect(target, bearer('t')).request({ method: 'GET', path: '/' })
    letters.length = 0
    const carried = (): number =>
      letters
        .flatMap(({ bytes }) => decodeFrames(bytes))
        .reduce((all, { type, payload }) => all + (type === 'data' ? payload.length : 0), 0)
    // Nothing is read: the window fills, and then nothing comes any more.
    let before = -1
    await eventually(
      () => {
        const now = carried()
        const isStill = now === before
        before = now
        return isStill
      },
      30_000,
      300,
    )
    expect(carried()).toBeLessThan(600_000)
    const hash = createHash('sha256')
    let most = 0
    let read = 0
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      hash.update(chunk)
      read += chunk.length
      // Ahead of the reader: one window, and what TLS and HTTP hold of it.
      most = Math.max(most, carried() - read)
      if (Math.random() < 0.05) await sleep(1)
    }
    expect(read).toBe(size)
    expect(hash.digest('hex')).toBe(sum)
    expect(most).toBeLessThan(1_000_000)
    const used = await Promise.all((await pipeKeys()).map(async (key) => Number((await redis.ask('MEMORY', 'USAGE', key))[0])))
    expect(Math.max(...used)).toBeLessThan(1_000_000)
    await made.stop()
  })

  test('a large request comes whole too', async () => {
    const made = await startMadeServer(async (asked, response) => {
      response.end(
        createHash('sha256')
          .update(await buffer(asked))
          .digest('hex'),
      )
    })
    const target = await pipes.target(made.url, { ca: made.ca })
    const answer = await pipes.cluster.connect(target, bearer('t')).request({ method: 'POST', path: '/', body })
    expect(await text(answer.body)).toBe(sum)
    await made.stop()
  })
})

test('an API server at an address of IPv6, below a base path', async () => {
  const made = await startMadeServer((asked, response) => response.end(asked.url), '::1')
  const target = await pipes.target(`${made.url}/k8s/clusters/c-1`, { ca: made.ca })
  expect(await text((await pipes.cluster.connect(target, bearer('t')).request({ method: 'GET', path: '/version' })).body)).toBe(
    '/k8s/clusters/c-1/version',
  )
  await made.stop()
})

describe('what a worker is asked that it does not do', () => {
  /** Asks a worker by itself, as whoever can write to Redis could. */
  const refusalOf = async (request: { target: string; server: string }): Promise<Error> => {
    const worker = await pipes.addWorker()
    const endpoint = createEndpoint({ id: newId('srv'), mail: pipes.store.pipes(pipes.pool), log: () => {} })
    await endpoint.ready
    const refusal = await new Promise<Error>((resolve, reject) => {
      const opened = (): void => reject(new Error('it was opened'))
      endpoint.open(worker.id, request, { opened, data() {}, credit() {}, end() {}, reset: resolve })
    })
    await endpoint.close()
    await worker.stop()
    return refusal
  }
  let dialled = 0
  let made: Awaited<ReturnType<typeof startMadeServer>>
  beforeAll(async () => {
    made = await startMadeServer((_, response) => response.end())
    made.server.on('connection', () => dialled++)
  })
  afterAll(async () => {
    await made.stop()
    expect(dialled).toBe(0)
  })

  test('a target that there is not', async () => {
    expect(await refusalOf({ target: 'nobody', server: made.url })).toMatchObject({ code: 'pipe_refused', message: /there is no target/ })
  })

  test('a target of another pool', async () => {
    const other: Target = await pipes.target(made.url, { pool: 'somebody-else' })
    expect(await refusalOf({ target: other.name, server: made.url })).toMatchObject({ code: 'pipe_refused', message: /not of pool/ })
  })

  test('an address that is not the target’s', async () => {
    const own = await pipes.target('https://127.0.0.1:1')
    expect(await refusalOf({ target: own.name, server: made.url })).toMatchObject({ code: 'pipe_refused', message: /another address/ })
  })

  test('what is no request at all', async () => {
    const worker = await pipes.addWorker()
    const mail = pipes.store.pipes(pipes.pool)
    for (const bytes of [Buffer.from('no frames'), Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 2, 0x7b, 0x7d]), randomBytes(1000)])
      expect(await mail.send(worker.id, { from: newId('srv'), n: 1, bytes })).toBe(true)
    const target = await pipes.target(cluster.server, { ca: cluster.caPem })
    expect((await pipes.newCluster().connect(target, bearer(token)).request({ method: 'GET', path: '/version' })).status).toBe(200)
    await worker.stop()
  })
})

test('an upgraded connection stays open over its pipe until one side ends it', async () => {
  const made = await startMadeServer((_, response) => response.end())
  made.server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('error', () => {})
  })
  const target = await pipes.target(made.url, { ca: made.ca })
  const { socket } = await pipes.cluster
    .connect(target, bearer('t'))
    .upgrade({ method: 'GET', path: '/', headers: { connection: 'Upgrade', upgrade: 'x' } })
  if (socket === undefined) throw new Error('the protocol was not switched')
  socket.write('there')
  expect(String((await once(socket, 'data'))[0])).toBe('there')
  made.server.closeAllConnections()
  socket.destroy()
  await made.stop()
})
