import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dockerExecutor } from '../../src/executors/docker.ts'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import { executorContract } from './executor.ts'
import { type DockerUnderTest, dockerUnderTest } from './executor-engine.ts'
import { open, runJob, shell, specFor } from './executor-run.ts'

const folders: string[] = []
const begin = async (): Promise<DockerUnderTest> => {
  const doorFolder = mkdtempSync(join(tmpdir(), 'doors-'))
  folders.push(doorFolder)
  return dockerUnderTest(await ensureDocker(), execImage, { doorFolder })
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

executorContract('docker, through a door', begin)

describe('the door of a container', () => {
  let under: DockerUnderTest
  let folder: string
  beforeAll(async () => {
    under = await begin()
    folder = folders.at(-1) ?? ''
  })
  afterAll(() => under?.close())

  test('is used, is shut before a job exists, and leaves nothing', async () => {
    const running = await open(under, specFor(under, 'door'))
    expect(readdirSync(folder)).toEqual([])
    expect(running.container.stream).toBeInstanceOf(Socket)
    const exit = await running.run(shell('ls -l /.tether; nc local:/.tether </dev/null && echo inside'))
    expect(exit.code).not.toBe(0)
    expect(running.stdout.text).toMatch(/^s.* \/\.tether\n$/)
    await running.container.kill()
  })

  test('is not needed: an engine that sees another disk carries the tether by its own streams', async () => {
    const relative = mkdtempSync('.doors-')
    try {
      // The engine finds its own working directory there.
      const executor = dockerExecutor({ ...under, doorFolder: `/proc/self/cwd/${relative}` })
      const container = await executor.start(specFor(under, 'elsewhere'))
      expect(container.stream).not.toBeInstanceOf(Socket)
      await container.kill()
      rmSync(relative, { recursive: true })
      const again = await executor.start(specFor(under, 'elsewhere'))
      await again.kill()
    } finally {
      rmSync(relative, { recursive: true, force: true })
    }
  })

  test('that a killed worker left is taken away by the next one', async () => {
    const left = join(folder, '999999999-0011223344556677')
    const server = createServer().listen(left)
    await new Promise((resolve) => server.once('listening', resolve))
    dockerExecutor({ socketPath: under.socketPath, shimPath: under.shimPath, doorFolder: folder })
    await expect.poll(() => readdirSync(folder)).toEqual([])
    server.close()
  })

  test('may go with its container while nobody listens', async () => {
    const spec = specFor(under, 'unheard')
    const container = await under.executor.start(spec)
    const closed = new Promise((resolve) => container.stream.once('close', resolve))
    await under.executor.reap(spec.labels)
    await closed
    expect(container.stream.errored).toMatchObject({ code: 'tether_cut' })
  })

  test('a job has the same on both ways', async () => {
    const { exit, stdout } = await runJob(under, specFor(under, 'same'), shell('echo out; echo err >&2; exit 7'))
    expect([exit.code, stdout.text]).toEqual([7, 'out\n'])
  })
})
