import { createHash, randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TelpherError } from '../../../src/model/errors.ts'
import type { ClusterConnection, ClusterRequest } from '../../../src/model/ports.ts'
import { Secret } from '../../../src/model/secret.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { eventually } from '../../support/eventually.ts'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { type ChildEnd, startAskingProcess, startCarryingProcess } from '../../support/pipe-process.ts'
import { startMadeServer } from '../../support/pipe-server.ts'
import { type Pipes, startPipes } from '../../support/pipes.ts'
import { freshNamespace, sharedCluster } from '../../support/sandbox.ts'
import { startProxy } from '../cluster/proxy.ts'

let redis: OwnRedis
let cluster: Cluster
let token: string
let pipes: Pipes
const children: ChildEnd[] = []

const bearer = (value: string) => ({ id: 'cred', kind: 'bearer' as const, token: new Secret(value) })
const startChild = async (): Promise<ChildEnd> => {
  const child = await startCarryingProcess(redis.url, pipes.pool)
  children.push(child)
  return child
}
const pipeKeys = async (): Promise<string[]> => (await redis.ask('KEYS', 'tel:{pipe:*')).filter((line) => line.startsWith('tel:'))
const versionOf = async (connection: ClusterConnection, asked: Partial<ClusterRequest> = {}): Promise<string> =>
  text((await connection.request({ method: 'GET', path: '/version', timeoutMs: 60_000, ...asked })).body)
const failureOf = async (work: Promise<unknown>): Promise<TelpherError> => {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(thrown).toMatchObject({ name: 'TelpherError' })
  return thrown as TelpherError
}

beforeAll(async () => {
  redis = await startOwnRedis({ appendfsync: 'everysec' })
  cluster = await sharedCluster('kwok')
  token = await cluster.serviceAccountToken(await freshNamespace(cluster), 'piped')
  pipes = await startPipes(redis.url, { workers: 0 })
})
afterAll(async () => {
  for (const child of children) await child.kill()
  await pipes.stop()
  // Those of killed workers expire.
  await eventually(async () => (await pipeKeys()).length === 0)
  await redis.stop()
})

test('a worker that is killed under a request: it fails and says what may have been done, and the next one goes through another worker', async () => {
  const proxy = await startProxy(Number(new URL(cluster.server).port))
  const target = await pipes.target(`https://127.0.0.1:${proxy.port}`, { ca: cluster.caPem })
  const first = await startChild()
  const connection = pipes.cluster.connect(target, bearer(token))
  expect(await versionOf(connection)).toContain('gitVersion')
  const second = await startChild()
  expect(second.said).not.toBe(first.said)
  // The kept connection takes the request, and no answer comes.
  proxy.freeze()
  const failing = failureOf(versionOf(connection, { method: 'POST', body: '{}' }))
  await first.kill()
  const error = await failing
  expect(error).toMatchObject({ code: 'pipe_cut', retryable: true })
  expect(error.message).toMatch(/the pipe to 127\.0\.0\.1:\d+ was cut: wrk_.* fell silent; the request may have had its effect/)
  const begun = performance.now()
  expect(await versionOf(connection)).toContain('gitVersion')
  expect(performance.now() - begun).toBeLessThan(10_000)
  await second.kill()
  await proxy.stop()
})

test('reads that run while their worker is killed come to their end', async () => {
  const target = await pipes.target(cluster.server, { ca: cluster.caPem })
  const connection = pipes.newCluster().connect(target, bearer(token))
  const first = await startChild()
  let isOver = false
  let answers = 0
  const reading = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      expect(await versionOf(connection)).toContain('gitVersion')
      answers++
    }
  })
  await eventually(() => answers > 8)
  const next = await startChild()
  await first.kill()
  const seen = answers
  await eventually(() => answers > seen + 8)
  isOver = true
  await Promise.all(reading)
  await next.kill()
})

test('connections to Redis that are killed, again and again, cost a large answer nothing', async () => {
  const body = randomBytes(10_000_000)
  const made = await startMadeServer((_, response) => response.end(body))
  const target = await pipes.target(made.url, { ca: made.ca })
  const child = await startChild()
  const { body: answer } = await pipes.newCluster().connect(target, bearer('t')).request({ method: 'GET', path: '/' })
  const parts: Buffer[] = []
  let read = 0
  let kills = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    parts.push(chunk)
    read += chunk.length
    if (read < (kills + 1) * 1_500_000) continue
    kills++
    await redis.ask('CLIENT', 'KILL', 'TYPE', 'normal')
  }
  expect(kills).toBeGreaterThan(4)
  const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
  expect(sum(Buffer.concat(parts))).toBe(sum(body))
  await child.kill()
  await made.stop()
})

test('a Redis that stands still ends what is open, with an error, and is used again when it goes on', async () => {
  const held: (() => void)[] = []
  const made = await startMadeServer((asked, response) => {
    if (asked.url === '/held') held.push(() => response.end())
    else response.end('here')
  })
  const target = await pipes.target(made.url, { ca: made.ca })
  const worker = await pipes.addWorker()
  const connection = pipes.newCluster().connect(target, bearer('t'))
  const failing = failureOf(versionOf(connection, { method: 'POST', path: '/held' }))
  await eventually(() => held.length > 0)
  await redis.freeze()
  expect(await failing).toMatchObject({ code: 'pipe_cut', message: expect.stringContaining('Redis') })
  await redis.thaw()
  await eventually(async () => (await versionOf(connection, { path: '/' })) === 'here')
  for (const end of held) end()
  await worker.stop()
  await made.stop()
})

test('a connection to the API server that is cut is told as if it were our own, and the next request has another', async () => {
  const proxy = await startProxy(Number(new URL(cluster.server).port))
  const target = await pipes.target(`https://127.0.0.1:${proxy.port}`, { ca: cluster.caPem })
  const worker = await pipes.addWorker()
  const connection = pipes.newCluster().connect(target, bearer(token))
  expect(await versionOf(connection)).toContain('gitVersion')
  proxy.freeze()
  const failing = failureOf(versionOf(connection, { method: 'POST', body: '{}' }))
  proxy.cut()
  expect(await failing).toMatchObject({ code: 'target_error', message: expect.stringContaining(`127.0.0.1:${proxy.port} broke`) })
  expect(await versionOf(connection)).toContain('gitVersion')
  await proxy.stop()
  await eventually(() => worker.count() === 0)
  const gone = await failureOf(versionOf(connection, { method: 'POST', body: '{}' }))
  expect(gone).toMatchObject({ code: 'target_unreachable', message: expect.stringContaining('ECONNREFUSED') })
  await worker.stop()
})

test('a pool without a worker: said within seconds, with what to do', async () => {
  const empty = await startPipes(redis.url, { workers: 0 })
  const target = await empty.target(cluster.server, { ca: cluster.caPem })
  const begun = performance.now()
  const error = await failureOf(versionOf(empty.cluster.connect(target, bearer(token))))
  expect(error).toMatchObject({ code: 'pipe_no_worker', message: `no worker of pool ${empty.pool} is heard; nothing was sent` })
  expect(error.hint).toContain('telpher worker start')
  expect(performance.now() - begun).toBeLessThan(9000)
  await empty.stop()
})

test('a worker that ends tells it: what is underway fails at once, and the next request has another worker', async () => {
  let came = 0
  const made = await startMadeServer((asked, response) => {
    came++
    if (asked.method === 'GET') response.end('here')
  })
  const target = await pipes.target(made.url, { ca: made.ca })
  const first = await pipes.addWorker()
  const connection = pipes.newCluster().connect(target, bearer('t'))
  const failing = failureOf(versionOf(connection, { method: 'POST' }))
  await eventually(() => came > 0)
  const second = await pipes.addWorker()
  const begun = performance.now()
  await first.stop()
  expect(await failing).toMatchObject({ code: 'pipe_cut' })
  expect(await versionOf(connection)).toBe('here')
  expect(performance.now() - begun).toBeLessThan(4000)
  expect(second.count()).toBe(1)
  await second.stop()
  await made.stop()
})

test('one that gives up a request ends its pipe at the worker', async () => {
  let came = 0
  const made = await startMadeServer(() => {
    came++
  })
  const target = await pipes.target(made.url, { ca: made.ca })
  const worker = await pipes.addWorker()
  const abort = new AbortController()
  const failing = failureOf(versionOf(pipes.newCluster().connect(target, bearer('t')), { signal: abort.signal }))
  await eventually(() => came > 0)
  expect(worker.count()).toBe(1)
  abort.abort()
  await failing
  await eventually(() => worker.count() === 0)
  await worker.stop()
  await made.stop()
})

test('a server that is killed leaves neither connections at the worker nor keys in Redis', async () => {
  const made = await startMadeServer((_, response) => response.end('here'))
  const target = await pipes.target(made.url, { ca: made.ca })
  const worker = await pipes.addWorker()
  const server = await startAskingProcess(redis.url, target.name)
  expect(server.said).toBe('200')
  expect(worker.count()).toBe(1)
  await server.kill()
  await eventually(() => worker.count() === 0)
  await worker.stop()
  await made.stop()
})
