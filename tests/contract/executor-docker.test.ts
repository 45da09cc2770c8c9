import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type Docker from 'dockerode'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dockerExecutor } from '../../src/executors/docker.ts'
import { shimLabel } from '../../src/executors/shimImage.ts'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import { eventually } from '../support/eventually.ts'
import { executorContract } from './executor.ts'
import { type DockerUnderTest, dockerUnderTest } from './executor-engine.ts'
import { open, runJob, shell, specFor, tarOf } from './executor-run.ts'

const begin = async (): Promise<DockerUnderTest> => dockerUnderTest(await ensureDocker(), execImage)

executorContract('docker', begin)

describe('the Docker executor', () => {
  let under: DockerUnderTest
  let docker: Docker
  beforeAll(async () => {
    under = await begin()
    docker = under.docker
  })
  afterAll(() => under?.close())

  /** An executor of another worker on the same engine. */
  const another = (more: Partial<Parameters<typeof dockerExecutor>[0]>): DockerUnderTest => ({
    ...under,
    executor: dockerExecutor({ ...under, ...more }),
  })

  const job = (script: string) => runJob(under, specFor(under, 'docker'), shell(script))

  describe('limits', () => {
    test('a job that eats its memory is killed and seen as out of memory; the shim lives to say so', async () => {
      const { exit, container, stdout } = await job('echo up; tail /dev/zero')
      expect(stdout.text).toBe('up\n')
      expect(exit).toMatchObject({ oom: true })
      expect(exit.code).not.toBe(0)
      expect(container.oomKilled).toBe(true)
    })

    test('processes, core files and scratch space are bounded', async () => {
      const { stdout } = await job(`
        ulimit -c
        (for n in $(seq 1 200); do sleep 2 >/dev/null 2>&1 & done) 2>&1 | grep -c fork
        head -c 100000000 /dev/zero 2>/dev/null > /work/big || echo full
        wc -c < /work/big
      `)
      const [core, forks, full, bytes] = stdout.text.trim().split('\n')
      expect([core, full, bytes]).toEqual(['0', 'full', String(32 * 1024 * 1024)])
      expect(Number(forks)).toBeGreaterThan(0)
    })
  })

  test('the tools of the execution image run under all of this', async () => {
    const { exit, stdout } = await job('kubectl version --client && helm version --short && touch /tmp/here /work/here')
    expect(exit.code).toBe(0)
    expect(stdout.text).toMatch(/Client Version: v1\..*\n(.*\n)*v4\./)
  })

  test('nothing of a job is in the inspect answer or on the disk of the host, while it runs and after', async () => {
    const canary = `canary${randomBytes(16).toString('hex')}`
    const running = await open(under, specFor(under, 'canary'))
    const ended = running.run(shell('cat secret; echo; echo $TOKEN; exec sleep 1000'), { TOKEN: canary }, tarOf('secret', canary))
    ended.catch(() => undefined)
    await eventually(() => running.stdout.text === `${canary}\n${canary}\n`)
    const handle = docker.getContainer(running.container.id)
    const inspected = (await handle.inspect()) as Docker.ContainerInspectInfo & { GraphDriver?: { Data?: Record<string, string> } }
    const { DockerRootDir: root } = (await docker.info()) as { DockerRootDir: string }
    const layers = Object.values(inspected.GraphDriver?.Data ?? {}).filter(
      (path) => path.startsWith('/') && !path.includes(':') && !path.endsWith('/merged'),
    )
    const places = [`${root}/containers/${running.container.id}`, `${root}/volumes`, ...layers]
    expect(JSON.stringify(inspected)).not.toContain(canary)
    // The control: the same search finds what is there.
    const control = mkdtempSync(`${tmpdir()}/telpher-canary-`)
    writeFileSync(`${control}/file`, canary)
    expect(filesWith(canary, [...places, control])).toBe(`${control}/file\n`)
    rmSync(control, { recursive: true })
    expect(filesWith(canary, places)).toBe('')
    await running.container.kill()
    expect(filesWith(canary, [`${root}/containers`, `${root}/volumes`])).toBe('')
  })

  test('the engine keeps no log of a job', async () => {
    const running = await open(under, specFor(under, 'log'))
    const inspected = await docker.getContainer(running.container.id).inspect()
    expect(inspected.HostConfig.LogConfig?.Type).toBe('none')
    expect(inspected.LogPath).toBe('')
    await running.container.kill()
  })

  test('an image that brings a volume of its own is refused and leaves nothing', async () => {
    const container = await docker.createContainer({ Image: execImage, Cmd: ['true'] })
    await container.commit({ repo: 'telpher-test/volume', tag: '1', changes: 'VOLUME /data' })
    await container.remove()
    await expect(under.executor.start(specFor(under, 'volume', { image: 'telpher-test/volume:1' }))).rejects.toMatchObject({
      code: 'container_deviates',
      field: 'Mounts',
    })
    expect(await under.leftovers('volume')).toEqual([])
    await docker.getImage('telpher-test/volume:1').remove()
  })

  test('the volume of the shim is filled again when somebody removed it', async () => {
    const shim = anotherShim(under.shimPath)
    const again = another({ shimPath: shim.path })
    expect((await runJob(again, specFor(under, 'refill'), shell('echo 1'))).stdout.text).toBe('1\n')
    await shim.remove(docker)
    expect((await runJob(again, specFor(under, 'refill'), shell('echo 2'))).stdout.text).toBe('2\n')
    await shim.remove(docker)
  })

  test('workers that start at the same time fill one volume once', async () => {
    const shim = anotherShim(under.shimPath)
    const workers = Array.from({ length: 6 }, () => another({ shimPath: shim.path }))
    const all = await Promise.all(workers.map((worker) => runJob(worker, specFor(under, 'fill'), shell('echo 1'))))
    expect(all.map(({ stdout }) => stdout.text)).toEqual(workers.map(() => '1\n'))
    expect(await docker.listContainers({ all: true, filters: { name: [shim.volume] } })).toHaveLength(1)
    await shim.remove(docker)
    // Workers that made an image too many took it away.
    expect(await docker.listImages({ all: true, filters: { label: [`${shimLabel}=${shim.hash}`] } })).toEqual([])
  })

  test('an engine that is not there is an error that names its socket', async () => {
    const { executor } = another({ socketPath: '/nonexistent/docker.sock' })
    await expect(executor.probe()).rejects.toMatchObject({
      code: 'docker_unreachable',
      message: expect.stringContaining('/nonexistent/docker.sock'),
    })
    await expect(executor.start(specFor(under, 'job'))).rejects.toMatchObject({ code: 'docker_unreachable' })
    await expect(executor.reap({ any: 'thing' })).rejects.toMatchObject({ code: 'docker_unreachable' })
  })

  test('the environment of the worker does not choose another engine', async () => {
    const before = process.env['DOCKER_HOST']
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1'
    try {
      await another({}).executor.probe()
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    }
  })

  test('a shim that cannot be read is an error that names it', async () => {
    const { executor } = another({ shimPath: '/nonexistent/shim' })
    await expect(executor.start(specFor(under, 'job'))).rejects.toMatchObject({ code: 'container_start', field: 'shimPath' })
  })
})

/** A shim of another version, as far as the engine can tell: the same program with something behind its end. */
const anotherShim = (path: string): { path: string; hash: string; volume: string; remove(docker: Docker): Promise<void> } => {
  const folder = mkdtempSync(`${tmpdir()}/telpher-shim-`)
  const program = Buffer.concat([readFileSync(path), randomBytes(8)])
  writeFileSync(`${folder}/shim`, program, { mode: 0o755 })
  const hash = createHash('sha256').update(program).digest('hex').slice(0, 16)
  const volume = `telpher-shim-${hash}`
  return {
    path: `${folder}/shim`,
    hash,
    volume,
    remove: async (docker) => {
      const { Image } = await docker.getContainer(volume).inspect()
      await docker.getContainer(volume).remove({ force: true })
      await docker.getVolume(volume).remove()
      await docker.getImage(Image).remove()
    },
  }
}

const filesWith = (text: string, places: readonly string[]): string => {
  try {
    return execFileSync('grep', ['-rlaF', '--devices=skip', text, ...places], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch (error) {
    // 1: not found. 2: some file vanished meanwhile, which is as good.
    return (error as { stdout: string }).stdout
  }
}
