import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Out } from '../../../src/cli/context.ts'
import { run } from '../../../src/cli/program.ts'
import type { JobRef } from '../../../src/model/deployment.ts'
import type { JobEnd, TerminalStatus } from '../../../src/model/states.ts'
import { deploymentResult } from '../../../src/model/states.ts'
import type { Store } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import type { ServedApi } from '../server/api.ts'

export interface Ran {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

const recorder = (isTTY: boolean, onWrite: (text: string) => void): { readonly out: Out; text(): string } => {
  let all = ''
  return {
    out: {
      isTTY,
      columns: () => 80,
      write: (text) => {
        all += text
        onWrite(all)
      },
    },
    text: () => all,
  }
}

/** The CLI against a served API, in this process, in a folder of its own. */
export interface TestCli {
  readonly dir: string
  readonly globals: readonly string[]
  run(args: readonly string[], options?: RunOptions): Promise<Ran>
}

export interface RunOptions {
  readonly isTTY?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Called with all that was said so far, each time something is. */
  readonly onSaid?: (stderr: string) => void
  readonly onData?: (stdout: string) => void
  readonly stdin?: string
}

/** The CLI in this process, with no server named. @param dir its folder @param env all that it sees of the environment */
export const runAlone = async (
  args: readonly string[],
  dir: string,
  env: Readonly<Record<string, string>>,
  { isTTY = false, onSaid = () => {}, onData = () => {}, stdin = '' }: RunOptions = {},
): Promise<Ran> => {
  const [stdout, stderr] = [recorder(isTTY, onData), recorder(isTTY, onSaid)]
  const io = { stdout: stdout.out, stderr: stderr.out, stdin: () => Readable.from([Buffer.from(stdin)]) }
  const code = await run(args, { ...io, env, cwd: dir })
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}

export const createTestCli = async (served: Pick<ServedApi, 'url' | 'token'>): Promise<TestCli> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-cli-'))
  await writeFile(join(dir, 'token'), `${served.token}\n`, { mode: 0o400 })
  await writeFile(join(dir, 'web.yaml'), `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${dir.slice(-6).toLowerCase()}}\n`)
  const globals = ['--server', served.url, '--token-file', join(dir, 'token')]
  return {
    dir,
    globals,
    run: (args, options) => runAlone([...globals, ...args], dir, { HOME: dir, ...options?.env }, options),
  }
}

/**
 * Does to a deployment's jobs what scheduler and worker would, without cluster and containers: the states, a log, a verdict.
 * @param end how each job ends
 */
export const playDeployment = async (
  store: Store,
  id: string,
  end: JobEnd,
  options: {
    readonly lines?: readonly string[]
    readonly beforeEnd?: () => Promise<void>
    readonly report?: Parameters<Store['jobs']['apply']>[2]
  } = {},
): Promise<void> => {
  const { deployment, jobs } = await store.deployments.get(id)
  if (deployment.state === 'pending') await store.deployments.advance(id, 'pending', 'executing', { startedAt: Date.now() })
  for (const job of jobs) {
    const ref: JobRef = job
    await store.jobs.apply(ref, { type: 'admit' })
    await store.jobs.apply(ref, { type: 'start', worker: 'w1' })
    await store.jobs.apply(ref, { type: 'run', attempt: 1 })
    const log = store.logs(ref)
    await log.append((options.lines ?? ['web applied']).map((text) => ({ stream: 'stdout', text, at: Date.now() })))
    await store.jobs.apply(ref, { type: 'verify', attempt: 1 })
    await options.beforeEnd?.()
    await log.end()
    await store.jobs.apply(ref, { type: 'finish', attempt: 1, end }, options.report)
  }
  const statuses = (await store.deployments.get(id)).jobs.map((job) => job.status as TerminalStatus)
  await store.deployments.advance(id, 'executing', 'finalizing', {})
  await store.deployments.advance(id, 'finalizing', 'finished', { result: deploymentResult(statuses), endedAt: Date.now() })
}

/** The id of the deployment that a command said it started. */
export const idIn = (text: string): string | undefined => /dep_[0-9A-HJKMNP-TV-Z]{26}/.exec(text)?.[0]

/** The deployment that was started on a target, once there is one. */
export const deploymentOn = (store: Store, target: string): Promise<string> =>
  eventually(async () => {
    for (const id of await store.deployments.active()) {
      const { deployment } = await store.deployments.get(id)
      if (deployment.targets.includes(target)) return id
    }
    return undefined
  })
