import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OwnRedis, startOwnRedis } from '../../support/ownredis.ts'
import { freshName, newTarget, type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, deploymentOn, playDeployment, type TestCli } from './cli.ts'

interface Installation {
  readonly redis: OwnRedis
  readonly served: ServedApi
  readonly cli: TestCli
}

const key = { kid: 'first', key: randomBytes(32) }
const ended = { status: 'succeeded', sentence: '1 object is current' } as const
const all: Installation[] = []

const install = async (options: { readonly key?: typeof key; readonly config?: Record<string, string> } = {}): Promise<Installation> => {
  const redis = await startOwnRedis(options.config)
  const served = await serveApi({ redisUrl: redis.url, key: options.key ?? key })
  const made = { redis, served, cli: await createTestCli(served) }
  all.push(made)
  return made
}

let from: Installation
let id: string
const target = freshName('target')
/** Bytes that no text has, and enough of them for several parts. */
const lines = Array.from({ length: 2000 }, (_, n) => `${n} ${randomBytes(60).toString('base64')} \u001b[31m`)

beforeAll(async () => {
  from = await install()
  await from.served.call('POST', '/v1/targets', newTarget(target, { namespace: 'shop' }))
  expect((await from.served.call('PUT', '/v1/secrets/kept', { value: 'secret-of-kept' })).status).toBe(201)
  await from.served.store.images.pin('registry.example/tools:1', [`sha256:${'a'.repeat(64)}`])
  const started = from.cli.run(['deploy', 'web.yaml', '--target', target, '--name', 'web'])
  id = await deploymentOn(from.served.store, target)
  await playDeployment(from.served.store, id, ended, { lines })
  expect((await started).code).toBe(0)
  expect((await from.cli.run(['rerun', id, '--no-wait'])).code).toBe(0)
})
afterAll(async () => {
  for (const { served, redis } of all) {
    await served.close()
    await redis.stop()
  }
})

const fileIn = ({ cli }: Installation, name: string): string => join(cli.dir, name)
const answers = async ({ served }: Installation): Promise<unknown[]> => {
  const { jobs } = await served.store.deployments.get(id)
  const paths = [
    '/v1/targets',
    '/v1/images/pins',
    '/v1/secrets',
    `/v1/deployments/${id}`,
    `/v1/deployments/${id}/events`,
    ...jobs.flatMap(({ jobId }) => ['log', 'ledger'].map((what) => `/v1/deployments/${id}/jobs/${jobId}/${what}`)),
  ]
  return Promise.all(paths.map(async (path) => (await served.call('GET', path)).json()))
}
/** Every key, but what is to be recorded of who did what: refusals are. */
const allKeys = async ({ redis }: Pick<Installation, 'redis'>): Promise<string[]> =>
  (await redis.ask('KEYS', '*')).filter((key) => !key.startsWith('tel:{audit}:') && !/^\*\d+$/.test(key)).toSorted()

const keysOf = async ({ redis }: Installation): Promise<string[]> =>
  (await redis.ask('KEYS', 'tel:*'))
    .filter((name) => /^tel:\{(dep_|pkg:|targets|secrets|images|packages|index\}:deployments)/.test(name))
    .toSorted()

test('a new installation answers as the old one did, and goes on from there; what had not ended is left out', async () => {
  const made = await from.cli.run(['backup', 'all.backup'])
  expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^all\.backup \(0\.\d MB\): 1 target, 1 deployment, 1 package\n$/)])
  expect(made.stderr).toContain('1 deployment had not ended and is not in it')
  expect((await stat(fileIn(from, 'all.backup'))).mode & 0o777).toBe(0o600)
  expect((await readdir(from.cli.dir)).filter((name) => name.endsWith('.part'))).toEqual([])
  const text = zstdDecompressSync(await readFile(fileIn(from, 'all.backup'))).toString()
  for (const name of [target, 'kept']) expect(text).not.toContain(`secret-of-${name}`)

  const to = await install()
  await writeFile(fileIn(to, 'all.backup'), await readFile(fileIn(from, 'all.backup')))
  const restored = await to.cli.run(['restore', 'all.backup'])
  expect([restored.code, restored.stdout]).toEqual([0, 'restored: 1 target, 1 deployment, 1 package\n'])
  expect(await answers(to)).toEqual(await answers(from))
  expect(await keysOf(to)).toEqual((await keysOf(from)).filter((name) => !name.includes('{dep_') || name.includes(id)))
  const [record] = (await keysOf(to)).filter((name) => name.endsWith(':record'))
  expect(Number(await to.redis.ask('PTTL', record ?? ''))).toBeGreaterThan(0)

  const again = to.cli.run(['rollback', '--to', id])
  await playDeployment(to.served.store, await deploymentOn(to.served.store, target), ended)
  expect((await again).code).toBe(0)
  const second = await to.cli.run(['restore', 'all.backup'])
  expect([second.code, second.stderr]).toEqual([2, expect.stringContaining('2 deployments, 1 targets and 1 secrets here already')])
})

test('without logs it is smaller, and the rest is there', async () => {
  expect((await from.cli.run(['backup', 'small.backup', '--no-logs'])).code).toBe(0)
  const [small, whole] = [await stat(fileIn(from, 'small.backup')), await stat(fileIn(from, 'all.backup'))]
  expect(small.size).toBeLessThan(whole.size / 5)
  const refused = await from.cli.run(['backup', 'small.backup'])
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--force')])
  expect((await from.cli.run(['backup', 'small.backup', '--no-logs', '--force', '-o', 'json'])).stdout).toContain('"unfinished": 1')
})

test('nothing is sent of a file that is not whole, and nothing is written by a server with another key', async () => {
  const bytes = await readFile(fileIn(from, 'all.backup'))
  const other = await install({ key: { kid: 'second', key: randomBytes(32) } })
  const before = await allKeys(other)
  await writeFile(fileIn(other, 'all.backup'), bytes)
  const sealed = await other.cli.run(['restore', 'all.backup'])
  expect([sealed.code, sealed.stderr]).toEqual([
    expect.any(Number),
    expect.stringContaining('sealed with the key first; this server has second'),
  ])
  const middle = Math.floor(bytes.length / 2)
  const flipped = Buffer.from(bytes)
  flipped[middle] = (flipped[middle] ?? 0) ^ 0xff
  const broken = {
    'cut.backup': bytes.subarray(0, middle),
    'flipped.backup': flipped,
    'other.backup': Buffer.from('no backup'),
    'empty.backup': Buffer.alloc(0),
  }
  for (const [name, content] of Object.entries(broken)) {
    await writeFile(fileIn(other, name), content)
    const { code, stderr } = await other.cli.run(['restore', name])
    expect([code, stderr], name).toEqual([2, expect.stringContaining('this is no whole backup')])
  }
  // Nor does a server take it that is asked by somebody else.
  const answer = await other.served.call('POST', '/v1/restore', Buffer.from('no backup'))
  expect([answer.status, await answer.json()]).toEqual([422, expect.objectContaining({ name: 'backup_damaged' })])
  expect(await allKeys(other)).toEqual(before)
  expect((await other.cli.run(['restore', 'nowhere.backup'])).code).toBe(2)
})

test('a restore that was cut is known to be so, and is done again', async () => {
  const to = await install()
  const lines = zstdDecompressSync(await readFile(fileIn(from, 'all.backup')))
    .toString()
    .trimEnd()
    .split('\n')
  const cut = zstdCompressSync(`${lines.slice(0, -3).join('\n')}\n`)
  expect((await to.served.call('POST', '/v1/restore', cut)).status).toBe(422)
  const state = (await (await to.served.call('GET', '/v1/store')).json()) as { warnings: string[] }
  expect(state.warnings).toEqual([expect.stringContaining('telpher restore')])
  await writeFile(fileIn(to, 'all.backup'), await readFile(fileIn(from, 'all.backup')))
  expect((await to.cli.run(['restore', 'all.backup'])).code).toBe(0)
  expect(await answers(to)).toEqual(await answers(from))
  expect(await (await to.served.call('GET', '/v1/store')).json()).toMatchObject({ warnings: [] })
})

test('a backup writes to no key that is not its own, and newer data is refused', async () => {
  const to = await install()
  const before = await allKeys(to)
  const [header = ''] = zstdDecompressSync(await readFile(fileIn(from, 'all.backup')))
    .toString()
    .split('\n')
  const newer = await to.served.call('POST', '/v1/restore', zstdCompressSync(`${JSON.stringify({ ...JSON.parse(header), schema: 999 })}\n`))
  expect(await newer.json()).toMatchObject({ name: 'store_newer' })
  expect(await allKeys(to)).toEqual(before)
  const foreign = JSON.stringify({ key: '{tel-pool-default}:jobs:wait', type: 'hash', first: true, rows: [['a', 'b']] })
  const refused = await to.served.call('POST', '/v1/restore', zstdCompressSync(`${header}\n${foreign}\n`))
  expect(await refused.json()).toMatchObject({ name: 'backup_damaged' })
  expect(await to.redis.ask('EXISTS', '{tel-pool-default}:jobs:wait')).toEqual(['0'])
})
