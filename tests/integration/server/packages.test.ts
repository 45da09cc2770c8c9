import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/client/http.ts'
import { Secret } from '../../../src/model/secret.ts'
import { namesIn, openAnyRedis } from '../../support/anyredis.ts'
import { sharedRedis } from '../../support/sandbox.ts'
import { type ServedApi, serveApi } from './api.ts'

const mebibyte = 1024 * 1024
let served: ServedApi
let redis: Redis | Cluster

beforeAll(async () => {
  served = await serveApi()
  redis = openAnyRedis(await sharedRedis())
})
afterAll(async () => {
  redis.disconnect()
  await served.close()
})

/** Bytes that begin as a gzip does, different each time. */
const bytesOf = (length: number): Buffer => Buffer.concat([Buffer.from([0x1f, 0x8b]), randomBytes(length - 2)])
const sumOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** Keys of the package of these bytes. */
const keysOf = async (sha256: string): Promise<string[]> => namesIn(redis, `*${(await served.packages.find(sha256)) ?? sha256}*`)
const opened = async (sha256: string): Promise<Buffer> => served.packages.read((await served.packages.find(sha256)) ?? '')
const post = (bytes: Uint8Array, headers: Record<string, string> = {}): Promise<Response> =>
  served.call('POST', '/v1/packages', bytes, { authorization: `Bearer ${served.token}`, ...headers })

test('a package lies in pieces of a bounded size, and nothing else of it', async () => {
  const bytes = bytesOf(3 * mebibyte + 5)
  const sha256 = sumOf(bytes)
  expect((await post(bytes)).status).toBe(201)
  const [key = '', ...others] = await keysOf(sha256)
  expect(others).toEqual([])
  const sizes = await Promise.all(['0', '1', '2', '3'].map((piece) => redis.hstrlen(key, piece)))
  expect(sizes).toEqual([mebibyte + 16, mebibyte + 16, mebibyte + 16, 5 + 16])
  expect(await redis.pttl(key)).toBeGreaterThan(24 * 3_600_000)
  expect(bytes.equals(await opened(sha256))).toBe(true)
})

test('the same package from several at once is stored once', async () => {
  const bytes = bytesOf(2 * mebibyte)
  const answers = await Promise.all(Array.from({ length: 5 }, () => post(bytes)))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 201))
  expect(await keysOf(sumOf(bytes))).toHaveLength(1)
  expect(bytes.equals(await opened(sumOf(bytes)))).toBe(true)
})

test('what is not what the client says it sends is refused, and nothing of it kept', async () => {
  const bytes = bytesOf(1000)
  const digest = (of: Uint8Array): string => `sha-256=:${createHash('sha256').update(of).digest('base64')}:`
  const answer = await post(bytes, { 'content-digest': digest(bytesOf(1000)) })
  expect([answer.status, ((await answer.json()) as { name: string }).name]).toEqual([422, 'package_refused'])
  expect(await keysOf(sumOf(bytes))).toEqual([])
  expect((await post(bytes, { 'content-digest': `md5=:x:, ${digest(bytes)}` })).status).toBe(201)
})

/** A request by hand. @returns what was answered and how much the server took of an endless body */
const pour = (head: readonly string[], chunk: Buffer): Promise<{ answer: string; sent: number }> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(served.url)
    const socket = connect(Number(port), hostname)
    let [answer, sent] = ['', 0]
    const done = (): void => {
      socket.destroy()
      resolve({ answer, sent })
    }
    const more = (): void => {
      while (!socket.destroyed && sent < 200 * mebibyte) {
        sent += chunk.length
        if (!socket.write(chunk)) return
      }
    }
    socket.on('data', (data) => {
      answer += data.toString()
      if (answer.includes('}')) done()
    })
    socket.on('drain', more)
    socket.on('error', done)
    socket.on('close', done)
    socket.write(
      `${['POST /v1/packages HTTP/1.1', `host: ${hostname}`, `authorization: Bearer ${served.token}`, ...head].join('\r\n')}\r\n\r\n`,
    )
    if (chunk.length > 0) more()
  })

test('more than 64 MiB is refused by its length before it comes, and while it comes when no length was said', async () => {
  const early = await pour([`content-length: ${65 * mebibyte}`], Buffer.alloc(0))
  expect(early.answer).toMatch(/^HTTP\/1\.1 413 /)
  expect(early.answer).toContain('application/problem+json')
  expect(early.answer).toContain('"name":"package_too_large"')
  const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000), Buffer.from('\r\n')])
  const late = await pour(['transfer-encoding: chunked'], piece)
  // Who is still sending when the connection is closed may be cut off before it has read the answer (RFC 9112, section 9.6).
  expect(late.answer).toMatch(/^(?:HTTP\/1\.1 413 |$)/)
  expect(late.sent).toBeLessThan(150 * mebibyte)
})

test('an upload that is cut leaves nothing, and is no mistake of the server', async () => {
  const bytes = bytesOf(3 * mebibyte)
  const { hostname, port } = new URL(served.url)
  const socket = connect(Number(port), hostname)
  const head = [`host: ${hostname}`, `authorization: Bearer ${served.token}`, `content-length: ${bytes.length}`]
  socket.write(`${['POST /v1/packages HTTP/1.1', ...head].join('\r\n')}\r\n\r\n`)
  await new Promise((resolve) => socket.write(bytes.subarray(0, 2 * mebibyte), resolve))
  socket.destroy()
  // The server hears of it in its own time.
  await sleep(300)
  expect(await keysOf(sumOf(bytes))).toEqual([])
  expect(served.logged.filter((line) => line.includes('a request failed'))).toEqual([])
})

test('a missing piece is an error, and the package can be uploaded again', async () => {
  const bytes = bytesOf(2 * mebibyte)
  const { sha256 } = await served.packages.put(bytes)
  const [key = ''] = await keysOf(sha256)
  await redis.hdel(key, '1')
  await expect(opened(sha256)).rejects.toMatchObject({ code: 'package_missing' })
  expect(await served.packages.find(sha256)).toBeUndefined()
  await served.packages.put(bytes)
  expect(bytes.equals(await opened(sha256))).toBe(true)
})

test('the command line sends what the server has not, once', async () => {
  const bytes = bytesOf(1000)
  const client = createClient(served.url, new Secret(served.token))
  await client.uploadPackage(bytes, sumOf(bytes))
  // Nothing would be taken for these bytes, if they were sent: the sum is that of others.
  await client.uploadPackage(bytesOf(1000), sumOf(bytes))
  await expect(client.uploadPackage(bytesOf(1000), sumOf(bytesOf(1000)))).rejects.toMatchObject({ code: 'package_refused' })
})
