import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { exitCodes } from '../../src/cli/exit.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Docker } from '../../src/sandbox/docker.ts'
import type { Redis } from '../../src/sandbox/redis.ts'
import { type Stack, startStack } from '../../src/sandbox/stack.ts'
import { type CliResult, runCli } from './cli.ts'
import { crashesIn } from './crashes.ts'
import { freshNamespace, sharedCluster, sharedDocker } from './sandbox.ts'

export interface TargetOptions {
  /** Contents of a kubeconfig whose context is called `local`; that of the cluster's admin by default. */
  readonly kubeconfig?: string
  readonly namespaces: readonly string[]
  /** Time in s that workloads without a readiness probe must stay up. */
  readonly settle?: number
  readonly grants?: readonly string[]
  /** Whether workers without isolation may run its steps. */
  readonly trials?: boolean
}

/** Server, workers and Redis of a test file's own, over the run's Docker and real cluster. */
export interface E2e {
  readonly stack: Stack
  readonly cluster: Cluster
  /** Runs the real CLI against the server. */
  cli(...args: string[]): Promise<CliResult>
  /** Adds a target. @returns its name @throws Error when that does not succeed */
  addTarget(options: TargetOptions): Promise<string>
  /** A namespace of a test's own, and a target that may write to it alone. */
  place(options?: Omit<TargetOptions, 'namespaces'>): Promise<{ namespace: string; target: string }>
  /** A folder with these files. @param files path to text @returns its path */
  folder(files: Readonly<Record<string, string>>): Promise<string>
  /** `telpher deploy PATH --target TARGET -o json …`, to its end. */
  deploy(path: string, target: string, ...more: string[]): Promise<CliResult>
}

const create = (stack: Stack, cluster: Cluster): E2e => {
  let count = 0
  const cli: E2e['cli'] = (...args) => runCli(stack, args)
  const folder: E2e['folder'] = async (files) => {
    const dir = join(stack.dir, `folder-${++count}`)
    await mkdir(dir)
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true })
      await writeFile(join(dir, path), text)
    }
    return dir
  }
  const addTarget: E2e['addTarget'] = async ({ kubeconfig, namespaces, settle, grants = [], trials = false }) => {
    const name = `target-${++count}`
    const file = kubeconfig === undefined ? cluster.kubeconfig : join(await folder({ kubeconfig }), 'kubeconfig')
    const limits = namespaces.flatMap((namespace) => ['--namespace', namespace])
    const settling = settle === undefined ? [] : ['--settle', String(settle)]
    // Most tests are about other things than how a target's identity comes about.
    const mode = /\btoken["']?:/.test(kubeconfig ?? '') ? 'static-token' : 'client-certificate'
    const granted = grants.flatMap((grant) => ['--grant', grant])
    const added = await cli(
      'target',
      'add',
      name,
      '--from-kubeconfig',
      'local',
      '--mode',
      mode,
      '--file',
      file,
      ...limits,
      ...settling,
      ...granted,
      ...(trials ? ['--trials'] : []),
    )
    // One that the pool's worker finds unusable is added all the same: what is wrong with it is what the test is about.
    if (added.code !== exitCodes.ok && added.code !== exitCodes.failed) throw new Error(added.stderr)
    return name
  }
  return {
    stack,
    cluster,
    cli,
    addTarget,
    folder,
    async place(options = {}) {
      const namespace = await freshNamespace(cluster)
      return { namespace, target: await addTarget({ ...options, namespaces: [namespace] }) }
    },
    deploy: (path, target, ...more) => cli('deploy', path, '--target', target, '-o', 'json', ...more),
  }
}

/** Parts that the stack is not to share with other test files, since it stops them. */
export interface E2eOptions {
  readonly workers?: number
  /** TELPHER_ variables of server and workers. */
  readonly env?: Readonly<Record<string, string>>
  /** The run's engine by default. */
  readonly docker?: Docker
  /** The run's real cluster by default. */
  readonly cluster?: Cluster
  readonly redis?: Redis
  readonly addresses?: { readonly server: string; readonly worker: string }
}

/** Starts a stack with a Redis of its own; `stop` ends it, but for the given parts. @throws Error when an error that nobody caught ended a process of it */
export const startE2e = async (options: E2eOptions = {}): Promise<E2e & { stop(): Promise<void> }> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-e2e-'))
  const docker = options.docker ?? (await sharedDocker())
  const cluster = options.cluster ?? (await sharedCluster('real'))
  const { workers = 1, docker: _docker, cluster: _cluster, ...more } = options
  const stack = await startStack({ dir, node: 'real', workers, docker, cluster, ...more })
  return {
    ...create(stack, cluster),
    async stop() {
      await stack.stop()
      const crashes = await crashesIn(dir)
      await rm(dir, { recursive: true, force: true })
      if (crashes.length > 0) throw new Error(crashes.join('\n'))
    },
  }
}

/**
 * Brings a stack up before the tests of a file, and takes it down after them.
 * @returns asks for it, from within a test
 */
export const useE2e = ({
  env,
  ...options
}: Pick<E2eOptions, 'workers'> & { readonly env?: E2eOptions['env'] | (() => NonNullable<E2eOptions['env']>) } = {}): (() => E2e) => {
  let e2e: Awaited<ReturnType<typeof startE2e>> | undefined
  beforeAll(async () => {
    const said = typeof env === 'function' ? env() : env
    e2e = await startE2e({ ...options, ...(said === undefined ? {} : { env: said }) })
  })
  afterAll(() => e2e?.stop())
  return () => {
    if (e2e === undefined) throw new Error('the stack is not up: ask within a test')
    return e2e
  }
}
