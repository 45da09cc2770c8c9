import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { findProgram } from '../executors/programs.ts'
import { TelpherError } from '../model/errors.ts'
import { binaryPath } from './setup/binaries.ts'

/** What steps run without a container. */
export const jobPrograms: readonly string[] = ['kubectl', 'helm']

/** Helm 3 knows neither how we wait nor how we label. */
const helmMajor = 4
const answerMs = 10_000

/** Where steps without a container find their programs: our own PATH, then what the sandbox has in its cache. */
export const jobPath = (): string =>
  [process.env['PATH'] ?? '/usr/bin:/bin', dirname(binaryPath('kubectl')), dirname(binaryPath('helm'))].join(':')

/**
 * Looks for the programs of steps.
 * @returns where each is
 * @throws TelpherError program_missing, also for a helm older than 4
 */
export const findJobPrograms = async (path: string): Promise<string[]> => {
  const found = jobPrograms.map((name) => findProgram(name, path))
  const helm = findProgram('helm', path)
  const { stdout } = await promisify(execFile)(helm, ['version', '--template', '{{.Version}}'], { timeout: answerMs }).catch(
    (cause: unknown) => {
      throw new TelpherError('program_missing', `${helm} does not tell its version`, { cause, field: 'helm' })
    },
  )
  if (Number(/^v?(\d+)\./.exec(stdout)?.[1]) !== helmMajor)
    throw new TelpherError('program_missing', `${helm} is ${stdout.slice(0, 40)}: version ${helmMajor} is needed`, { field: 'helm' })
  return found
}
