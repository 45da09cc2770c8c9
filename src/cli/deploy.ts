import { existsSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import type { StepInput } from '../model/step.ts'
import { packPath } from '../steps/package/pack.ts'
import type { Client, Detail } from './client.ts'
import { clientOf, flagsOf } from './context.ts'
import { exitCodes, exitOfResult } from './exit.ts'
import { manifestsIn } from './manifests.ts'
import { duration, print, say } from './output.ts'
import { createProgress, failureText } from './progress.ts'
import { seconds } from './seconds.ts'

interface DeployFlags {
  readonly target?: readonly string[]
  readonly tag?: string
  readonly helm?: string
  readonly values?: readonly string[]
  readonly set?: readonly string[]
  readonly namespace?: string
  readonly createNamespace?: boolean
  readonly name?: string
  readonly deadline?: string
  readonly wait: boolean
  readonly timeout?: string
  readonly idempotencyKey?: string
}

const isChart = (path: string): boolean => /\.(?:tgz|tar\.gz)$/.test(path) || existsSync(join(path, 'Chart.yaml'))

const setsOf = (sets: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    sets.map((set) => {
      const at = set.indexOf('=')
      if (at < 1) throw new TelpherError('usage', `--set ${set}: use NAME=VALUE`, { field: 'set' })
      return [set.slice(0, at), set.slice(at + 1)]
    }),
  )

/** A step's name from its path, in the form that names have. */
const nameFrom = (path: string): string =>
  basename(resolve(path))
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63) || 'step'

const mustExist = (path: string, flag: string): void => {
  if (!existsSync(path) || !statSync(path).isFile())
    throw new TelpherError('usage', `${flag} ${path}: there is no such file`, { field: flag })
}

const prepare = async (path: string, flags: DeployFlags): Promise<{ step: StepInput; bytes: Buffer; sha256: string }> => {
  const chart = isChart(path)
  if (chart && flags.helm === undefined)
    throw new TelpherError('usage', `${path} is a Helm chart: name its release with --helm RELEASE`, { field: 'helm' })
  if (!chart && flags.helm !== undefined)
    throw new TelpherError('usage', `${path} has no Chart.yaml, so --helm does not fit`, { field: 'helm' })
  const values = flags.values ?? []
  for (const file of values) mustExist(file, '--values')
  const inPackage = values.map((file, index) => [`.telpher/values-${index}.yaml`, file] as const)
  const packed = await packPath(path, new Map(chart ? inPackage : []))
  if (!chart) manifestsIn(packed.files, path)
  const common = {
    name: nameFrom(flags.name ?? flags.helm ?? path),
    package: packed.sha256,
    ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
    ...(flags.deadline === undefined ? {} : { deadlineSeconds: seconds(flags.deadline, '--deadline') }),
  }
  if (flags.helm === undefined) return { step: { kind: 'apply', ...common }, bytes: packed.bytes, sha256: packed.sha256 }
  return {
    step: {
      kind: 'helm',
      ...common,
      chart: statSync(path).isFile() ? basename(path) : '.',
      release: flags.helm,
      values: inPackage.map(([name]) => name),
      set: setsOf(flags.set ?? []),
      createNamespace: flags.createNamespace ?? false,
    },
    bytes: packed.bytes,
    sha256: packed.sha256,
  }
}

/** Follows a deployment to its end; Ctrl-C leaves it running and says how to come back. */
export const follow = async (client: Client, started: Detail, timeoutMs: number | undefined): Promise<{ detail: Detail; code: number }> => {
  const { id } = started.deployment
  const ending = new AbortController()
  let interrupted = false
  let late = false
  const interrupt = (): void => {
    interrupted = true
    ending.abort()
  }
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          late = true
          ending.abort()
        }, timeoutMs)
  const progress = createProgress(started.jobs)
  try {
    for await (const event of client.events(id, ending.signal)) progress.show(event)
  } finally {
    clearTimeout(timer)
    progress.end()
    process.off('SIGINT', interrupt)
    process.off('SIGTERM', interrupt)
  }
  const again = `it goes on; look again with: telpher status ${id}, end it with: telpher cancel ${id}`
  if (interrupted) say(`left ${id}: ${again}`)
  else if (late) say(`waited long enough for ${id}: ${again}`)
  const detail = await client.deployment(id)
  const code = interrupted ? exitCodes.interrupted : late ? exitCodes.waitTimedOut : exitOfResult(detail.deployment.result ?? 'error')
  return { detail, code }
}

/** How a deployment ended, for people. */
export const endText = ({ deployment, jobs }: Detail): string => {
  const failed = jobs.filter((job) => job.end !== undefined && job.end.status !== 'succeeded' && job.end.status !== 'skipped')
  const took = deployment.endedAt === undefined ? '' : ` in ${duration(deployment.endedAt - deployment.createdAt)}`
  const lines = [`${deployment.id}  ${deployment.result ?? deployment.state}${took}`]
  for (const job of jobs) if (job.end?.status === 'succeeded') lines.push(`  ${job.step.name} → ${job.target}: ${job.end.sentence}`)
  for (const job of failed) {
    lines.push(`  ${job.step.name} → ${job.target}: ${failureText(job.end?.sentence ?? '', job.failure)}`)
    lines.push(`  next: telpher logs ${deployment.id}`)
  }
  return `${lines.join('\n')}\n`
}

/** `telpher deploy PATH`: packs, uploads, starts and waits. @returns the exit code */
export const runDeploy = async (path: string, flags: DeployFlags, command: Command): Promise<number> => {
  const { output } = flagsOf(command)
  if ((flags.target ?? []).length === 0 && flags.tag === undefined)
    throw new TelpherError('usage', 'name a target with --target NAME, or targets with --tag TAG', { field: 'target' })
  const timeoutMs = flags.timeout === undefined ? undefined : seconds(flags.timeout, '--timeout') * 1000
  const client = clientOf(command)
  const { step, bytes, sha256 } = await prepare(path, flags)
  await client.uploadPackage(bytes, sha256)
  const request = {
    steps: [step],
    targets: [...(flags.target ?? [])],
    ...(flags.tag === undefined ? {} : { tag: flags.tag }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  }
  const started = await client.deploy(request, flags.idempotencyKey)
  say(`${started.deployment.id} started`)
  if (!flags.wait) {
    print(output, started, () => `${started.deployment.id}\n`)
    return exitCodes.ok
  }
  const { detail, code } = await follow(client, started, timeoutMs)
  const ended = detail.jobs.every((job) => isTerminal(job.status))
  print(output, detail, () => (ended ? endText(detail) : `${detail.deployment.id}  ${detail.deployment.state}\n`))
  return code
}
