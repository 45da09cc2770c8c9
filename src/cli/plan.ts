import { existsSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isChart, type PlannedStep, packLocal } from '../client/pack.ts'
import { TelpherError } from '../model/errors.ts'
import { type HelmMajor, helmMajors } from '../model/image.ts'
import type { StepSecretInput } from '../model/stepsecret.ts'
import { readValues } from '../steps/values.ts'
import { gracesOf, phaseDeadlinesOf } from './graces.ts'
import { wholeNumber } from './number.ts'
import { seconds } from './seconds.ts'

/** What a user says of the step that a path is deployed by. */
export interface StepFlags {
  readonly helm?: string
  readonly values?: readonly string[]
  readonly set?: readonly string[]
  readonly setSecret?: readonly string[]
  readonly namespace?: string
  readonly createNamespace?: boolean
  readonly takeOver?: boolean
  readonly helmVersion?: string
  readonly name?: string
  readonly deadline?: string
  readonly phaseDeadline?: readonly string[]
  readonly retries?: string
  readonly grace?: readonly string[]
}

const setsOf = (sets: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    sets.map((set) => {
      const at = set.indexOf('=')
      if (at < 1) throw new TelpherError('usage', `--set ${set}: use NAME=VALUE`, { field: '--set' })
      return [set.slice(0, at), set.slice(at + 1)]
    }),
  )

/** Its author knows a values file by its path; in the package it has another. @throws TelpherError usage, chart_invalid */
const mustBeValues = (file: string): void => {
  if (!existsSync(file) || !statSync(file).isFile())
    throw new TelpherError('usage', `--values ${file}: there is no such file`, { field: '--values' })
  readValues(file, readFileSync(file))
}

const ofCharts = {
  values: '--values',
  set: '--set',
  setSecret: '--set-secret',
  createNamespace: '--create-namespace',
  takeOver: '--take-over',
  helmVersion: '--helm-version',
} as const

const checkKind = (path: string, given: string, flags: StepFlags): void => {
  const chart = isChart(path)
  if (chart && flags.helm === undefined)
    throw new TelpherError('usage', `${given} is a Helm chart: name its release with --helm RELEASE`, { field: '--helm' })
  if (!chart && flags.helm !== undefined)
    throw new TelpherError('usage', `${given} is no Helm chart (it has no Chart.yaml), so --helm does not fit`, { field: '--helm' })
  const flag = Object.entries(ofCharts).find(([name]) => flags[name as keyof typeof ofCharts] !== undefined)?.[1]
  if (!chart && flag !== undefined) throw new TelpherError('usage', `${flag} is for Helm charts, and ${given} is none`, { field: flag })
}

/** The parser lets nothing else through. */
const majorOf = (text: string | undefined): HelmMajor | undefined => helmMajors.find((major) => String(major) === text)

/**
 * Packs a path and describes the step that deploys it. A chart is known by its Chart.yaml, or by being an archive.
 * @param given the path as the user wrote it
 * @param cwd what it is relative to
 * @param secrets what --set-secret says, read
 * @throws TelpherError usage, empty_package, package_refused, package_too_large, and invalid_manifest, chart_invalid for what a worker
 *   could not take
 */
export const planStep = async (
  given: string,
  flags: StepFlags,
  cwd: string,
  secrets: Readonly<Record<string, StepSecretInput>> = {},
): Promise<PlannedStep> => {
  checkKind(existsSync(resolve(cwd, given)) ? resolve(cwd, given) : given, given, flags)
  const values = (flags.values ?? []).map((file) => resolve(cwd, file))
  values.forEach(mustBeValues)
  const { name, namespace, helm: release, createNamespace, takeOver } = flags
  return packLocal(
    {
      path: given,
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(flags.deadline === undefined ? {} : { deadlineSeconds: seconds(flags.deadline, '--deadline') }),
      ...(flags.phaseDeadline === undefined ? {} : { deadlines: phaseDeadlinesOf(flags.phaseDeadline) }),
      ...(flags.grace === undefined ? {} : { graces: gracesOf(flags.grace) }),
      ...(flags.retries === undefined ? {} : { retries: { max: wholeNumber('--retries', flags.retries, 10) } }),
      ...(release === undefined
        ? {}
        : {
            helm: {
              release,
              values,
              set: setsOf(flags.set ?? []),
              setSecret: secrets,
              createNamespace: createNamespace ?? false,
              takeOver: takeOver ?? false,
              version: majorOf(flags.helmVersion),
            },
          }),
    },
    cwd,
  )
}
