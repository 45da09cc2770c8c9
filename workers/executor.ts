import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Config } from '../src/config.ts'
import { dockerExecutor } from '../src/executors/docker.ts'
import { processExecutor } from '../src/executors/process.ts'
import { TelpherError } from '../src/model/errors.ts'
import { defaultHelm } from '../src/model/image.ts'
import type { Executor } from '../src/model/ports.ts'
import type { Step } from '../src/model/step.ts'
import type { Target } from '../src/model/target.ts'

/** Stands for the programs of the worker's machine where an image would be named. */
const ownMachine = 'programs-of-the-worker'

/** Without images there is nothing to choose: the machine's own programs are told as the one image that the worker is to use. */
export const withoutImages = (config: Config): Config => (config.executor === 'process' ? { ...config, image: ownMachine } : config)

/** The shim of this checkout, built where it is not in the cache. @throws TelpherError container_start */
const ownShim = async (): Promise<string> => {
  const { shimPath } = await import('../src/sandbox/shim.ts')
  return await shimPath().catch((cause: Error) => {
    throw new TelpherError('container_start', `the shim cannot be built: ${cause.message}; name one with TELPHER_SHIM`, { cause })
  })
}

const createProcessExecutor = async (config: Config): Promise<Executor> => {
  const { findJobPrograms, jobPath, jobPrograms } = await import('../src/sandbox/jobPrograms.ts')
  const path = jobPath()
  const executor = processExecutor({
    shimPath: config.shimPath || (await ownShim()),
    root: join(tmpdir(), `telpher-jobs-${process.getuid?.() ?? 0}`),
    image: ownMachine,
    path,
    programs: jobPrograms,
  })
  return {
    ...executor,
    probe: async () => {
      await executor.probe()
      await findJobPrograms(path)
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
    : dockerExecutor({
        socketPath: config.dockerSocket,
        shimPath: config.shimPath,
        doorFolder: resolve(config.dataDir, 'tether'),
      })

/**
 * The machine has one helm, of version 4: a plan for helm 3 would meet other flags.
 * And its jobs have folders on its disk, where no secret may lie.
 * @throws TelpherError image_tools, secret_refused
 */
export const mustSuitMachine = (executor: Config['executor'], step: Step): void => {
  if (executor === 'docker' || step.kind !== 'helm') return
  if (Object.keys(step.setSecret ?? {}).length > 0)
    throw new TelpherError(
      'secret_refused',
      `this worker runs steps in folders on its disk (executor process), where the secrets of step ${step.name} may not lie: use Docker`,
      { field: 'setSecret' },
    )
  if ((step.helmVersion ?? defaultHelm) === defaultHelm) return
  throw new TelpherError(
    'image_tools',
    `this worker runs helm ${defaultHelm} of its machine, and step ${step.name} runs helm ${step.helmVersion}`,
    {
      field: 'helmVersion',
    },
  )
}

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
