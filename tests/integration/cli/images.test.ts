import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dockerExecutor } from '../../../src/executors/docker.ts'
import type { ContainerSpec } from '../../../src/model/ports.ts'
import { connectDocker } from '../../../src/sandbox/dockerEngine.ts'
import { imageArchive } from '../../../src/sandbox/image/archive.ts'
import { localImages } from '../../../src/sandbox/image/local.ts'
import { architecture } from '../../../src/sandbox/paths.ts'
import { shimPath } from '../../../src/sandbox/shim.ts'
import { ownRedis, sharedDocker } from '../../support/sandbox.ts'
import { tinyImage } from '../../support/tinyimage.ts'
import { type ServedApi, serveApi } from '../server/api.ts'
import { createTestCli, type Ran, type TestCli } from './cli.ts'

const tag = 'telpher-test/tools:1'
const other = `sha256:${'0'.repeat(64)}`

let redis: Awaited<ReturnType<typeof ownRedis>>
let served: ServedApi
let cli: TestCli
let socketPath: string
beforeAll(async () => {
  redis = await ownRedis()
  served = await serveApi({ redisUrl: redis.url })
  cli = await createTestCli(served)
  socketPath = (await sharedDocker()).socketPath
})
afterAll(async () => {
  await connectDocker(socketPath)
    .getImage(tag)
    .remove()
    .catch(() => undefined)
  await served?.close()
  await redis?.stop()
})

const image = (...args: string[]): Promise<Ran> => cli.run(['image', ...args, '--docker-socket', socketPath])

test('an archive is loaded under the id that it was made with, packed or not', async () => {
  const made = await tinyImage(tag)
  await pipeline(Readable.from(imageArchive([made])), createGzip(), createWriteStream(join(cli.dir, 'tools.tar.gz')))
  const loaded = await image('load', 'tools.tar.gz', '-o', 'json')
  expect(loaded).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(loaded.stdout)).toMatchObject([{ image: tag, id: made.id, kubectl: '1.36.3', helm: '4.3.1', arch: architecture() }])
})

test('the list has every image of the table, what the engine has besides, and what is pinned', async () => {
  await served.store.images.pin(tag, [other])
  const { code, stdout } = await image('list', '-o', 'json')
  expect(code).toBe(0)
  const found = JSON.parse(stdout) as { image: string; default: boolean; here?: object; covers?: object; pinned?: string[] }[]
  expect(found.filter(({ covers }) => covers !== undefined)).toHaveLength(4)
  expect(found.find((one) => one.default)).toMatchObject({
    image: 'telpher/exec:k1.34-h4',
    kubectl: '1.34.4',
    covers: { from: 33, to: 35 },
    here: { arch: architecture() },
  })
  expect(found.find((one) => one.image === tag)).toMatchObject({ kubectl: '1.36.3', pinned: [other] })
  expect((await image('list')).stdout).toMatch(/telpher-test\/tools:1 .* another one/)
})

test('without an engine the list still tells the images, and why it knows no more', async () => {
  const { code, stdout, stderr } = await cli.run(['image', 'list', '--docker-socket', '/nowhere/docker.sock'])
  expect(code).toBe(0)
  expect(stdout).toContain('1.35 to 1.37')
  expect(stderr).toContain('/nowhere/docker.sock does not answer')
})

test('a pin is the id of the image here, or the ids that are given, until it is taken away', async () => {
  const { id } = await tinyImage(tag)
  expect((await image('pin', tag)).stdout).toBe(`${tag} is pinned to ${id}\n`)
  expect((await image('pin', 'k1.36-h4', '--id', other, '--id', id)).code).toBe(0)
  expect(await served.store.images.pins()).toEqual({ [tag]: [id], 'telpher/exec:k1.36-h4': [other, id] })
  for (const name of [tag, 'k1.36-h4']) expect((await image('pin', name, '--remove')).code).toBe(0)
  expect(await served.store.images.pins()).toEqual({})
})

test.each([
  [['pin', 'telpher-test/nowhere:1'], 'image_missing', 'telpher-test/nowhere:1 is not here'],
  [['pin', tag, '--id', 'latest'], 'usage', 'give sha256: and 64 hexadecimal digits'],
  [['pin', tag, '--id', other, '--remove'], 'usage', 'leave --id out'],
  [['build', 'k1.36-h4', '--all'], 'usage', 'name images or give --all'],
  [['build', '--arch', architecture() === 'amd64' ? 'arm64' : 'amd64'], 'usage', 'write the image to a file with --save FILE'],
  [['load', 'nothing.tar'], 'usage', 'cannot be read'],
  [['load', 'token'], 'usage', 'is no archive of images'],
])('image %j is refused as %s', async (args, code, sentence) => {
  const ran = await image(...args)
  expect(ran.code).not.toBe(0)
  expect(ran.stderr).toContain(sentence)
  expect(ran.stderr).toContain(code)
})

test('an image for another architecture is refused before it takes the name of a good one', async () => {
  const before = await localImages(socketPath).find(tag)
  const foreign = await tinyImage(tag, { arch: architecture() === 'amd64' ? 'arm64' : 'amd64' })
  const chunks: Buffer[] = []
  for await (const chunk of imageArchive([foreign])) chunks.push(chunk)
  await writeFile(join(cli.dir, 'foreign.tar'), Buffer.concat(chunks))
  const ran = await image('load', 'foreign.tar')
  expect(ran.code).toBe(2)
  expect(ran.stderr).toContain(`and this engine runs ${architecture()}`)
  expect(await localImages(socketPath).find(tag)).toEqual(before)
})

test('the API takes ids of images and nothing else', async () => {
  const put = (body: object): Promise<Response> => served.call('PUT', '/v1/images/pins', body)
  expect((await put({ image: tag, ids: ['latest'] })).status).toBe(422)
  expect((await put({ image: '', ids: [] })).status).toBe(422)
  expect(await (await put({ image: tag, ids: [other, other] })).json()).toEqual({ pins: { [tag]: [other] } })
  expect(await (await put({ image: tag, ids: [] })).json()).toEqual({ pins: {} })
})

test('a container says its image and tools; one of another id than allowed is not started and leaves nothing', async () => {
  const { id } = await tinyImage(tag)
  const executor = dockerExecutor({ socketPath, shimPath: await shimPath() })
  const labels = { 'telpher.test': 'images' }
  const spec: ContainerSpec = { image: tag, labels, memoryBytes: 64 << 20, cpus: 1, pids: 32, scratchBytes: 1 << 20 }
  const container = await executor.start({ ...spec, imageIds: [other, id] })
  expect(container.image).toEqual({ id, kubectl: '1.36.3', helm: '4.3.1' })
  await container.kill()
  await expect(executor.start({ ...spec, imageIds: [other] })).rejects.toMatchObject({ code: 'image_differs', field: 'image' })
  const left = await connectDocker(socketPath).listContainers({ all: true, filters: { label: ['telpher.test=images'] } })
  expect(left).toEqual([])
  await expect(executor.start({ ...spec, image: 'telpher/exec:k1.36-h9' })).rejects.toMatchObject({ code: 'image_missing' })
})
