import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Client } from '../client/http.ts'
import type { PlannedStep } from '../client/pack.ts'
import { durationSeconds } from '../model/duration.ts'
import { TelpherError } from '../model/errors.ts'
import type { Rollout } from '../model/rollout.ts'
import { type Standing, standingOf } from '../model/step.ts'
import { mustBeComplete, readInputs } from '../process/inputs.ts'
import { resolveSteps, resolveTargets } from '../process/resolve.ts'
import type { Problem, Process } from '../process/types.ts'
import type { Cli } from './context.ts'
import { lookInto } from './lint.ts'
import type { StepFlags } from './plan.ts'
import { type ProcessFile, problemText, readProcessFile, usualFile } from './process-file.ts'
import { packStep } from './process-pack.ts'

/** What a deployment is started with. */
export interface Plan {
  readonly steps: readonly PlannedStep[]
  readonly name?: string
  readonly inputs?: Readonly<Record<string, string>>
  /** Where the process says to deploy to; absent when it does not say. */
  readonly targets?: (client: Client) => Promise<string[]>
  /** How the process takes them. */
  readonly rollout?: Rollout
  /** How it says that it stands beside others. */
  readonly standing?: Standing
  /** The deadline that it gives the whole deployment, in seconds. */
  readonly deadlineSeconds?: number
}

interface ProcessFlags extends StepFlags {
  readonly file?: string
  readonly input?: readonly string[]
}

/** The process file that a command line means; undefined when it deploys a path. @throws TelpherError usage when it means both */
export const processFileOf = (path: string | undefined, { file, input }: ProcessFlags, cwd: string): string | undefined => {
  if (path !== undefined && file !== undefined)
    throw new TelpherError('usage', 'name a path or a process file (--file), not both', { field: '--file' })
  if (path !== undefined && input !== undefined)
    throw new TelpherError('usage', '--input is for process files, and a path is deployed', { field: '--input' })
  return file ?? (path === undefined && existsSync(resolve(cwd, usualFile)) ? usualFile : undefined)
}

const ofSteps = {
  helm: '--helm',
  values: '--values',
  set: '--set',
  setSecret: '--set-secret',
  namespace: '--namespace',
  createNamespace: '--create-namespace',
  takeOver: '--take-over',
  helmVersion: '--helm-version',
  name: '--name',
  deadline: '--deadline',
  phaseDeadline: '--phase-deadline',
  retries: '--retries',
  grace: '--grace',
} as const

const mustFit = (flags: ProcessFlags, file: string): void => {
  const misplaced = (Object.keys(ofSteps) as (keyof typeof ofSteps)[]).find((name) => flags[name] !== undefined)
  if (misplaced !== undefined)
    throw new TelpherError('usage', `${ofSteps[misplaced]} is for a path: steps say it themselves in ${file}`, {
      field: ofSteps[misplaced],
    })
}

/** Shows the problems and is what ends the command. */
const refusal = (cli: Cli, read: ProcessFile, problems: readonly Problem[]): TelpherError => {
  cli.say(problems.map((problem) => problemText(read, problem)).join('\n'))
  return new TelpherError('invalid_process', `${read.file} has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`)
}

const targetsOf = async (process: Process, client: Client): Promise<string[]> => {
  const found = resolveTargets(process, process.targets?.tags === undefined ? [] : await client.targets())
  if (found.length === 0)
    throw new TelpherError('unknown_target', `there is no target with ${(process.targets?.tags ?? []).join(' and ')}`, { field: 'targets' })
  return found
}

/**
 * Reads a process file, fills in its inputs and packs its steps.
 * @throws TelpherError usage, invalid_process after its problems were shown, package_refused, package_too_large
 */
export const planProcess = async (cli: Cli, file: string, flags: ProcessFlags): Promise<Plan> => {
  mustFit(flags, file)
  const read = await readProcessFile(cli.cwd, file)
  const { parsed, folder } = read
  if (!parsed.ok) throw refusal(cli, read, parsed.problems)
  const { process } = parsed.read
  const given = flags.input ?? []
  const values = readInputs(process, given)
  mustBeComplete(process, values)
  const { problems } = await lookInto(parsed.read, folder, given)
  if (problems.length > 0) throw refusal(cli, read, problems)
  const resolved = resolveSteps(process, values).steps.filter((step) => step !== undefined)
  return {
    name: process.name,
    ...(values.size === 0 ? {} : { inputs: Object.fromEntries(values) }),
    steps: await Promise.all(resolved.map((step) => packStep(step, folder))),
    ...(process.rollout === undefined ? {} : { rollout: process.rollout }),
    standing: standingOf(process),
    ...(process.deadline === undefined ? {} : { deadlineSeconds: durationSeconds(process.deadline) as number }),
    ...(process.targets === undefined ? {} : { targets: (client: Client) => targetsOf(process, client) }),
  }
}
