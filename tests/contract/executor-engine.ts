import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import Docker from 'dockerode'
import { pack } from 'tar-stream'
import { dockerExecutor } from '../../src/executors/docker.ts'
import type { Container, ContainerSpec } from '../../src/model/ports.ts'
import type { Docker as Engine } from '../../src/sandbox/docker.ts'
import { shimPath } from '../../src/sandbox/shim.ts'
import { type ExecutorUnderTest, runLabel } from './executor-run.ts'

const connect = (socketPath: string): Docker => new Docker({ socketPath, host: '', protocol: 'http' } as Docker.DockerOptions)

export interface DockerUnderTest extends ExecutorUnderTest {
  readonly docker: Docker
  readonly socketPath: string
  readonly shimPath: string
}

const busybox = '/bin/busybox'

/** A static busybox with its commands, and one copy that is setuid root: what a hostile image would bring. */
export const testImage = 'telpher-test/busybox:2'

export const loadTestImage = async (socketPath: string): Promise<void> => {
  const docker = connect(socketPath)
  const there = await docker
    .getImage(testImage)
    .inspect()
    .then(() => true)
    .catch(() => false)
  if (there) return
  const tar = pack()
  const program = readFileSync(busybox)
  tar.entry({ name: 'bin/busybox', mode: 0o755 }, program)
  for (const command of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n')) {
    if (command !== 'busybox') tar.entry({ name: `bin/${command}`, type: 'symlink', linkname: 'busybox' })
  }
  tar.entry({ name: 'bin/busybox-rooted', mode: 0o4755 }, program)
  // Root without a password: `su` of the setuid copy is root wherever setuid works.
  tar.entry({ name: 'etc/passwd' }, 'root::0:0::/:/bin/sh\njob:x:65532:65532::/work:/bin/sh\n')
  tar.finalize()
  const [repo, tag] = testImage.split(':')
  const bytes = await buffer(tar as unknown as NodeJS.ReadableStream)
  const answer = await docker.importImage(bytes as unknown as NodeJS.ReadableStream, { repo, tag })
  for await (const part of answer) if (part.toString().includes('"error"')) throw new Error(part.toString())
}

/** The Docker executor of an engine and, by asking the engine and the kernel directly, what its runs leave behind. */
export const dockerUnderTest = async (
  engine: Engine,
  image: string,
  more: Partial<Parameters<typeof dockerExecutor>[0]> = {},
): Promise<DockerUnderTest> => {
  const shim = await shimPath()
  const docker = connect(engine.socketPath)
  const executor = dockerExecutor({ socketPath: engine.socketPath, shimPath: shim, ...more })
  const volumesOf = async (): Promise<string[]> => ((await docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name)
  const before = new Set(await volumesOf())
  const mounts = new Set<string>()
  // Other files run the same suite on the same engine.
  const scope = { 'telpher.test-scope': randomUUID() }
  const start = async (spec: ContainerSpec, signal?: AbortSignal): Promise<Container> => {
    const container = await executor.start({ ...spec, labels: { ...spec.labels, ...scope } }, signal)
    const seen = (await docker
      .getContainer(container.id)
      .inspect({ abortSignal: AbortSignal.timeout(10_000) })
      // An engine that was killed under the test is the test's affair.
      .catch(() => undefined)) as (Docker.ContainerInspectInfo & { GraphDriver?: { Data?: Record<string, string> } }) | undefined
    for (const path of [seen?.GraphDriver?.Data?.['MergedDir'], seen?.NetworkSettings.SandboxKey]) if (path) mounts.add(path)
    return container
  }
  return {
    executor: { ...executor, start },
    docker,
    socketPath: engine.socketPath,
    shimPath: shim,
    image,
    cwd: '/work',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/work' },
    leftovers: async (run) => {
      const containers = await docker.listContainers({
        all: true,
        filters: { label: [`${runLabel}=${run}`, ...Object.entries(scope).map(([name, value]) => `${name}=${value}`)] },
      })
      const volumes = (await volumesOf()).filter((name) => !before.has(name) && !name.startsWith('telpher-shim-'))
      // The mount table names what is still mounted; a running neighbour's mounts are not ours.
      const running = containers.length > 0
      const table = running ? '' : readFileSync('/proc/self/mountinfo', 'utf8')
      const mounted = running ? [] : [...mounts].filter((path) => table.includes(` ${path} `))
      return [
        ...containers.map(({ Id }) => `container ${Id}`),
        ...volumes.map((name) => `volume ${name}`),
        ...mounted.map((path) => `mount ${path}`),
      ]
    },
    close: () => engine.stop(),
  }
}
