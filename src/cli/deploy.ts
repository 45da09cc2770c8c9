import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { DeploymentRequestInput } from '../model/step.ts'
import type { Client, Detail } from './client.ts'
import type { Cli, Command } from './context.ts'
import { endText } from './ending.ts'
import { exitCodes } from './exit.ts'
import { follow } from './follow.ts'
import { print } from './output.ts'
import { planStep, type StepFlags } from './plan.ts'
import { usualFile } from './process-file.ts'
import { type Plan, planProcess, processFileOf } from './process-plan.ts'
import { type RolloutFlags, rolloutOf, tagsOf } from './rollout.ts'
import { seconds } from './seconds.ts'

interface DeployFlags extends StepFlags, RolloutFlags {
  readonly target?: readonly string[]
  readonly tag?: readonly string[]
  readonly file?: string
  readonly input?: readonly string[]
  readonly wait?: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

const mostTries = 5

/** Starts it once, however often the answer gets lost: the key makes a repetition harmless. */
const start = async (client: Client, request: DeploymentRequestInput, key: string): Promise<Detail> => {
  for (let tries = 1; ; tries++) {
    try {
      return await client.deploy(request, key)
    } catch (thrown) {
      if (!toTelpherError(thrown).retryable || tries === mostTries) throw thrown
      await pause(500 * tries)
    }
  }
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
  const { steps, name, targets, rollout = ordered } = await planOf(cli, path, flags)
  mustNameTargets(isChosen || targets !== undefined)
  const client = await cli.client()
  const request = {
    steps: steps.map(({ step }) => step),
    targets: isChosen || targets === undefined ? chosen : await targets(client),
    ...(tag === undefined ? {} : { tag }),
    ...(rollout === undefined ? {} : { rollout: { ...rollout, ...ordered } }),
    ...(name === undefined ? {} : { name }),
  }
  for (const { bytes, sha256 } of steps) await client.uploadPackage(bytes, sha256)
  const started = await start(client, request, flags.idempotencyKey ?? randomUUID())
  const { id } = started.deployment
  if (flags.wait === false) {
    cli.say(`started; follow it with: telpher status ${id} --wait`)
    await print(cli, started, () => `${id}\n`)
    return exitCodes.ok
  }
  cli.say(`${id} started`)
  const { detail, code, seen } = await follow(cli, client, started, timeoutMs)
  await print(cli, detail, () =>
    detail.deployment.state === 'finished' ? endText(detail, cli.paint, seen) : `${id}  ${detail.deployment.state}\n`,
  )
  return code
}
