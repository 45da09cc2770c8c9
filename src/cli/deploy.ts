import { mustHoldNoCredential } from '../model/clear-credential.ts'
import { TelpherError } from '../model/errors.ts'
import { type BusyPolicy, type Priority, standingOf } from '../model/step.ts'
import type { Cli, Command } from './context.ts'
import { wholeNumber } from './number.ts'
import { planStep, type StepFlags } from './plan.ts'
import { usualFile } from './process-file.ts'
import { type Plan, planProcess, processFileOf } from './process-plan.ts'
import { type RolloutFlags, rolloutOf, tagsOf } from './rollout.ts'
import { seconds, timeoutOf } from './seconds.ts'
import { secretsOf } from './secret-value.ts'
import { type StartFlags, start } from './started.ts'

interface DeployFlags extends StepFlags, RolloutFlags, StartFlags {
  readonly target?: readonly string[]
  readonly tag?: readonly string[]
  readonly file?: string
  readonly input?: readonly string[]
  readonly priority?: Priority
  readonly weight?: string
  readonly whenBusy?: BusyPolicy
  readonly totalDeadline?: string
}

/** What is to be deployed: a path with its flags, or a process file. */
const planOf = async (cli: Cli, path: string | undefined, flags: DeployFlags): Promise<Plan> => {
  const file = processFileOf(path, flags, cli.cwd)
  if (file !== undefined) return planProcess(cli, file, flags)
  if (path === undefined) throw new TelpherError('usage', `name a path: there is no ${usualFile} in this folder`)
  const planned = await planStep(path, flags, cli.cwd, await secretsOf(cli, flags.setSecret ?? []))
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
  // A wrong one is told before anything is packed or sent.
  timeoutOf(flags)
  const tag = tagsOf(flags.tag)
  const ordered = rolloutOf(flags)
  const weight = wholeNumber('--weight', flags.weight, 100)
  const standing = standingOf({ priority: flags.priority, whenBusy: flags.whenBusy, weight })
  const all = flags.totalDeadline === undefined ? undefined : seconds(flags.totalDeadline, '--total-deadline', 5)
  const { steps, name, inputs, targets, rollout, standing: said, deadlineSeconds = all } = await planOf(cli, path, flags)
  mustNameTargets(isChosen || targets !== undefined)
  const client = await cli.client()
  const request = {
    steps: steps.map(({ step }) => step),
    targets: isChosen || targets === undefined ? chosen : await targets(client),
    ...(tag === undefined ? {} : { tag }),
    ...(rollout === undefined && ordered === undefined ? {} : { rollout: { ...rollout, ...ordered } }),
    ...(name === undefined ? {} : { name }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(deadlineSeconds === undefined ? {} : { deadlineSeconds: all ?? deadlineSeconds }),
    ...said,
    ...standing,
  }
  mustHoldNoCredential(request)
  for (const { bytes, sha256 } of steps) await client.uploadPackage(bytes, sha256)
  return start(cli, client, flags, (key) => client.deploy(request, key))
}
