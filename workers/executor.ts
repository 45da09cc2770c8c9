import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Config } from '../src/config.ts'
import { dockerExecutor } from '../src/executors/docker.ts'
import { processExecutor } from '../src/executors/process.ts'
import { findProgram } from '../src/executors/programs.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Executor } from '../src/model/ports.ts'
import type { Target } from '../src/model/target.ts'

/** Helm 3 knows neither how we wait nor how we label. */
const helmMajor = 4
const answerMs = 10_000

/** The worker's own PATH, then what the sandbox has in its cache. */
const jobPath = async (): Promise<string> => {
  const { binaryPath } = await import('../src/sandbox/setup/binaries.ts')
  return [process.env['PATH'] ?? '/usr/bin:/bin', dirname(binaryPath('kubectl')), dirname(binaryPath('helm'))].join(':')
}

/** The shim of this checkout, built where it is not in the cache. @throws TelpherError container_start */
const ownShim = async (): Promise<string> => {
  const { shimPath } = await import('../src/sandbox/shim.ts')
  return await shimPath().catch((cause: Error) => {
    throw new TelpherError('container_start', `the shim cannot be built: ${cause.message}; name one with TELPHER_SHIM`, { cause })
  })
}

/** @throws TelpherError program_missing */
const mustBeHelm4 = async (path: string): Promise<void> => {
  const helm = findProgram('helm', path)
  const { stdout } = await promisify(execFile)(helm, ['version', '--template', '{{.Version}}'], { timeout: answerMs }).catch(
    (cause: unknown) => {
      throw new TelpherError('program_missing', `${helm} does not tell its version`, { cause, field: 'helm' })
    },
  )
  if (Number(/^v?(\d+)\./.exec(stdout)?.[1]) !== helmMajor)
    throw new TelpherError('program_missing', `${helm} is ${stdout.slice(0, 40)}: version ${helmMajor} is needed`, { field: 'helm' })
}

const createProcessExecutor = async (config: Config): Promise<Executor> => {
  const path = await jobPath()
  const executor = processExecutor({
    shimPath: config.shimPath || (await ownShim()),
    root: join(tmpdir(), `telpher-jobs-${process.getuid?.() ?? 0}`),
    image: config.image,
    path,
    programs: ['kubectl', 'helm'],
  })
  return {
    ...executor,
    probe: async () => {
      await executor.probe()
      await mustBeHelm4(path)
    },
  }
}

/**
 * The executor that a worker is told to use.
 * @throws TelpherError container_start when the process executor has no shim and cannot build one
 */
export const createExecutor = async (config: Config): Promise<Executor> =>
  config.executor === 'process'
    ? await createProcessExecutor(config)
    : dockerExecutor({ socketPath: config.dockerSocket, shimPath: config.shimPath })

/**
 * Without isolation a step could take what its user has: only targets that somebody has marked for trials are worked on so.
 * @throws TelpherError target_not_for_trials
 */
export const mustBeForTrials = (executor: Config['executor'], target: Target): void => {
  if (executor === 'docker' || target.trials === true) return
  throw new TelpherError(
    'target_not_for_trials',
    `this worker runs steps without isolation (executor process), and target ${target.name} is not marked for trials`,
    { field: 'trials' },
  )
}
