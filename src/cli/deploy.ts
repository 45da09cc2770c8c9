import { randomUUID } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { planStep, type StepFlags } from './plan.ts'
import { usualFile } from './process-file.ts'
import { type Plan, planProcess, processFileOf } from './process-plan.ts'
import { type RolloutFlags, rolloutOf, tagsOf } from './rollout.ts'
import { seconds } from './seconds.ts'
import { showStarted, startOnce } from './started.ts'

interface DeployFlags extends StepFlags, RolloutFlags {
  readonly target?: readonly string[]
  readonly tag?: readonly string[]
  readonly file?: string
  readonly input?: readonly string[]
  readonly wait?: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

/** What is to be deployed: a path with its flags, or a process file. */
const planOf = async (cli: Cli, path: string | undefined, flags: DeployFlags): Promise<Plan> => {
  const file = processFileOf(path, flags, cli.cwd)
  if (file !== undefined) return planProcess(cli, file, flags)
  if (path === undefined) throw new TelpherError('usage', `name a path: there is no ${usualFile} in this folder`)
  const planned = await planStep(path, flags, cli.cwd)
  return { steps: [planned], ...(flags.name === undefined ? {} : { name: flags.name }) }
}

const mustNameTargets = (isNamed: boolean): void => {
  if (!isNamed) throw new TelpherError('usage', 'name a target with --target NAME, or targets with --tag TAG', { field: '--target' })
}

/** `telpher deploy`: packs, uploads, starts and waits. */
export const runDeploy: Command<DeployFlags> = async (cli, [path], flags) => {
  const chosen = [...(flags.target ?? [])]
  const isChosen = chosen.length > 0 || flags.tag !== undefined
  // A path never says where to: that needs no look at it.
  if (path !== undefined) mustNameTargets(isChosen)
  const timeoutMs = flags.timeout === undefined ? undefined : seconds(flags.timeout, '--timeout') * 1000
  const tag = tagsOf(flags.tag)
  const ordered = rolloutOf(flags)
  const { steps, name, inputs, targets, rollout = ordered } = await planOf(cli, path, flags)
  mustNameTargets(isChosen || targets !== undefined)
  const client = await cli.client()
  const request = {
    steps: steps.map(({ step }) => step),
    targets: isChosen || targets === undefined ? chosen : await targets(client),
    ...(tag === undefined ? {} : { tag }),
    ...(rollout === undefined ? {} : { rollout: { ...rollout, ...ordered } }),
    ...(name === undefined ? {} : { name }),
    ...(inputs === undefined ? {} : { inputs }),
  }
  for (const { bytes, sha256 } of steps) await client.uploadPackage(bytes, sha256)
  const key = flags.idempotencyKey ?? randomUUID()
  const started = await startOnce(() => client.deploy(request, key))
  return showStarted(cli, client, started, { isFollowed: flags.wait !== false, timeoutMs })
}
