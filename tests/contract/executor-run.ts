import { createHash, type Hash } from 'node:crypto'
import { pack } from 'tar-stream'
import type { Container, ContainerExit, ContainerSpec, Executor } from '../../src/model/ports.ts'
import { type ExitRecord, openTether, type Tether } from '../../src/tether/index.ts'

/** An executor and what the contract needs to know of the place where its jobs run. */
export interface ExecutorUnderTest {
  readonly executor: Executor
  readonly image: string
  /** A folder that the job can write, inside its container. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Names of whatever still exists of runs with this label: containers, volumes, mounts, processes. */
  leftovers(run: string): Promise<readonly string[]>
  close(): Promise<void>
}

export const runLabel = 'telpher.test'

export const specFor = (under: ExecutorUnderTest, run: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  image: under.image,
  labels: { [runLabel]: run },
  memoryBytes: 128 * 1024 * 1024,
  cpus: 2,
  pids: 64,
  scratchBytes: 32 * 1024 * 1024,
  ...more,
})

/** What one output stream carried: its length and checksum, and its first part as bytes. */
export class Received {
  bytes = 0
  readonly head: Buffer[] = []
  readonly #hash: Hash = createHash('sha256')
  #kept = 0

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
    if (this.#kept < 4 * 1024 * 1024) {
      this.head.push(Buffer.from(chunk))
      this.#kept += chunk.length
    }
  }

  get text(): string {
    return Buffer.concat(this.head).toString('utf8')
  }

  get sha256(): string {
    return this.#hash.copy().digest('hex')
  }
}

/** One file as the tar stream that a job gets. */
export async function* tarOf(name: string, content: string): AsyncGenerator<Uint8Array> {
  const tar = pack()
  tar.entry({ name, uid: 65_532, gid: 65_532, mode: 0o600 }, content)
  tar.finalize()
  for await (const chunk of tar) yield chunk as Uint8Array
}

/** As the pipeline of a step gives it to a job that has a folder of its own. */
const home = ({ place }: Container): Record<string, string> => (place === undefined ? {} : { HOME: place.folder, PATH: place.path })

export interface Running {
  readonly container: Container
  readonly tether: Tether
  readonly stdout: Received
  readonly stderr: Received
  /** Runs the program of this container. */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>, files?: AsyncIterable<Uint8Array>): Promise<ExitRecord>
}

/** Starts a container and waits until its shim is ready. */
export const open = async (under: ExecutorUnderTest, spec: ContainerSpec): Promise<Running> => {
  const container = await under.executor.start(spec)
  const stdout = new Received()
  const stderr = new Received()
  const tether = openTether(container.stream, {
    onOutput: (stream, chunk) => (stream === 'stdout' ? stdout : stderr).push(chunk),
    onConnection: (connection) => connection.destroy(),
  })
  try {
    await tether.ready
  } catch (error) {
    await container.kill()
    throw error
  }
  const run: Running['run'] = (argv, env = {}, files) =>
    tether.run({
      argv,
      env: { ...under.env, ...home(container), ...env },
      cwd: container.place?.folder ?? under.cwd,
      ...(files === undefined ? {} : { files }),
    })
  return { container, tether, stdout, stderr, run }
}

export interface Ran {
  readonly exit: ExitRecord
  readonly container: ContainerExit
  readonly stdout: Received
  readonly stderr: Received
}

/** One job from start to removal. */
export const runJob = async (
  under: ExecutorUnderTest,
  spec: ContainerSpec,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> => {
  const running = await open(under, spec)
  try {
    const exit = await running.run(argv, env)
    running.tether.destroy()
    return { exit, container: await running.container.exited, stdout: running.stdout, stderr: running.stderr }
  } finally {
    running.tether.destroy()
    await running.container.kill()
  }
}

export const shell = (script: string): readonly string[] => ['sh', '-c', script]
