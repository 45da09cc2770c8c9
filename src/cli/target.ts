import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { readKubeconfig } from '../credentials/kubeconfig.ts'
import type { CheckReport } from '../model/check.ts'
import { TelpherError } from '../model/errors.ts'
import type { Target } from '../model/target.ts'
import { clientOf, flagsOf } from './context.ts'
import { exitCodes } from './exit.ts'
import { age, print, say, table } from './output.ts'

interface AddFlags {
  readonly fromKubeconfig: string
  readonly file?: string
  readonly namespace?: readonly string[]
  readonly tag?: readonly string[]
  readonly pool?: string
  readonly grant?: readonly string[]
  readonly settle?: string
}

const kubeconfigPath = (file: string | undefined): string => {
  const fromEnvironment = process.env['KUBECONFIG']?.split(delimiter)[0]
  return resolve(file ?? fromEnvironment ?? join(homedir(), '.kube/config'))
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8')

/** `telpher target add`: the context is read on this machine; only what a target needs is sent. @returns the exit code */
export const runTargetAdd = async (name: string, flags: AddFlags, command: Command): Promise<number> => {
  const client = clientOf(command)
  const path = kubeconfigPath(flags.file)
  const content = await readText(path).catch((cause: unknown) => {
    throw new TelpherError('invalid_kubeconfig', `${path} cannot be read`, { cause, field: 'file' })
  })
  const context = await readKubeconfig(content, { context: flags.fromKubeconfig, path, readFile: readText })
  const namespaces = flags.namespace ?? []
  const namespace = namespaces[0] ?? context.namespace
  const target = await client.addTarget({
    name,
    server: context.server,
    ca: context.ca,
    ...(context.tlsServerName === undefined ? {} : { tlsServerName: context.tlsServerName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(flags.tag === undefined ? {} : { tags: flags.tag }),
    ...(flags.pool === undefined ? {} : { pool: flags.pool }),
    ...(flags.settle === undefined ? {} : { settleSeconds: Number(flags.settle) }),
    policy: { namespaces, ...(flags.grant === undefined ? {} : { grants: flags.grant }) },
    credential: context.credential,
  })
  print(flagsOf(command).output, target, () => `target ${name} added; check it with: telpher target check ${name}\n`)
  if (namespaces.length === 0) say('It may write to every namespace that its account may: limit it with --namespace.')
  return exitCodes.ok
}

const rowOf = (target: Target, now: number): string[] => [
  target.name,
  target.server,
  target.policy.namespaces.join(',') || '(all)',
  target.tags.join(','),
  target.pool,
  target.account.mode,
  target.account.expiresAt === undefined ? '' : new Date(target.account.expiresAt).toISOString(),
  age(target.createdAt, now),
]

/** `telpher target list`. @returns the exit code */
export const runTargetList = async (command: Command): Promise<number> => {
  const targets = await clientOf(command).targets()
  const now = Date.now()
  print(flagsOf(command).output, targets, () =>
    targets.length === 0
      ? 'No targets yet. Add one with: telpher target add NAME --from-kubeconfig CONTEXT\n'
      : table(
          ['NAME', 'SERVER', 'NAMESPACES', 'TAGS', 'POOL', 'ACCOUNT', 'EXPIRES', 'AGE'],
          targets.map((target) => rowOf(target, now)),
        ),
  )
  return exitCodes.ok
}

/** `telpher target view NAME`. @returns the exit code */
export const runTargetView = async (name: string, command: Command): Promise<number> => {
  const target = await clientOf(command).target(name)
  const { output } = flagsOf(command)
  print(output === 'table' ? 'yaml' : output, target, () => '')
  return exitCodes.ok
}

/** `telpher target remove NAME`. @returns the exit code */
export const runTargetRemove = async (name: string, command: Command): Promise<number> => {
  await clientOf(command).removeTarget(name)
  print(flagsOf(command).output, { removed: name }, () => `target ${name} removed, with its account\n`)
  return exitCodes.ok
}

const checkMs = 60_000
const marks = { ok: '✓', warn: '!', failed: '✗', skipped: '–' } as const

const reportText = (report: CheckReport): string => {
  const rows = report.lines.map((line) => [
    `${marks[line.status]} ${line.rung}`,
    line.subject,
    `${line.ms} ms`,
    line.fix === undefined ? line.message : `${line.message}. ${line.fix}`,
  ])
  return `${report.target}, from worker ${report.worker}:\n${table(['RUNG', 'SUBJECT', 'TIME', 'FOUND'], rows)}`
}

/** `telpher target check NAME`: runs in a worker of the target's pool. @returns the exit code */
export const runTargetCheck = async (name: string, command: Command): Promise<number> => {
  const client = clientOf(command)
  const { id, waitsFor } = await client.startCheck(name)
  if (waitsFor !== undefined) say(`waiting: ${waitsFor}`)
  const end = performance.now() + checkMs
  for (;;) {
    const report = await client.check(name, id)
    if (report !== undefined) {
      print(flagsOf(command).output, report, () => reportText(report))
      return report.ok ? exitCodes.ok : exitCodes.failed
    }
    if (performance.now() > end)
      throw new TelpherError(
        'target_timeout',
        `no worker has run the check of ${name} within ${checkMs / 1000} s${waitsFor === undefined ? '' : `: ${waitsFor}`}`,
      )
    await pause(100)
  }
}
