import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import type { StepInput } from '../model/step.ts'
import { packPath } from '../steps/package/pack.ts'
import { readValues } from '../steps/values.ts'
import { manifestsIn } from './manifests.ts'
import { wholeNumber } from './number.ts'
import { seconds } from './seconds.ts'
import { tryStep } from './try-step.ts'

/** What a user says of the step that a path is deployed by. */
export interface StepFlags {
  readonly helm?: string
  readonly values?: readonly string[]
  readonly set?: readonly string[]
  readonly namespace?: string
  readonly createNamespace?: boolean
  readonly name?: string
  readonly deadline?: string
  readonly retries?: string
}

export interface PlannedStep {
  readonly step: StepInput
  readonly bytes: Buffer
  readonly sha256: string
}

const isArchive = (path: string): boolean => /\.(?:tgz|tar\.gz)$/.test(path) && existsSync(path)
export const isChart = (path: string): boolean => isArchive(path) || existsSync(join(path, 'Chart.yaml'))

const setsOf = (sets: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    sets.map((set) => {
      const at = set.indexOf('=')
      if (at < 1) throw new TelpherError('usage', `--set ${set}: use NAME=VALUE`, { field: '--set' })
      return [set.slice(0, at), set.slice(at + 1)]
    }),
  )

/** A step's name from what it deploys, in the form that names have. */
export const nameFrom = (path: string): string =>
  basename(resolve(path))
    .replace(/\.(?:ya?ml|json|tgz|tar\.gz)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '') || 'step'

/** Its author knows a values file by its path; in the package it has another. @throws TelpherError usage, chart_invalid */
const mustBeValues = (file: string): void => {
  if (!existsSync(file) || !statSync(file).isFile())
    throw new TelpherError('usage', `--values ${file}: there is no such file`, { field: '--values' })
  readValues(file, readFileSync(file))
}

const ofCharts = ['values', 'set', 'createNamespace'] as const

const checkKind = (path: string, given: string, flags: StepFlags): void => {
  const chart = isChart(path)
  if (chart && flags.helm === undefined)
    throw new TelpherError('usage', `${given} is a Helm chart: name its release with --helm RELEASE`, { field: '--helm' })
  if (!chart && flags.helm !== undefined)
    throw new TelpherError('usage', `${given} is no Helm chart (it has no Chart.yaml), so --helm does not fit`, { field: '--helm' })
  const misplaced = ofCharts.find((name) => flags[name] !== undefined)
  if (!chart && misplaced !== undefined) {
    const flag = `--${misplaced === 'createNamespace' ? 'create-namespace' : misplaced}`
    throw new TelpherError('usage', `${flag} is for Helm charts, and ${given} is none`, { field: flag })
  }
}

/** A chart with its values files as a package, and what both are called in it. */
export const packChart = async (
  path: string,
  values: readonly string[],
): Promise<Omit<PlannedStep, 'step'> & { readonly chart: string; readonly values: string[] }> => {
  const inPackage = values.map((file, index) => [`.telpher/values-${index}.yaml`, file] as const)
  const { bytes, sha256 } = await packPath(path, new Map(inPackage))
  return { bytes, sha256, chart: isArchive(path) ? basename(path) : '.', values: inPackage.map(([name]) => name) }
}

/**
 * Packs a path and describes the step that deploys it. A chart is known by its Chart.yaml, or by being an archive.
 * @param given the path as the user wrote it
 * @param cwd what it is relative to
 * @throws TelpherError usage, empty_package, package_refused, package_too_large, and invalid_manifest, chart_invalid for what a worker
 *   could not take
 */
export const planStep = async (given: string, flags: StepFlags, cwd: string): Promise<PlannedStep> => {
  // A glob is looked up from the folder of this process, as its shell would.
  const path = existsSync(resolve(cwd, given)) ? resolve(cwd, given) : given
  checkKind(path, given, flags)
  const values = (flags.values ?? []).map((file) => resolve(cwd, file))
  values.forEach(mustBeValues)
  const common = {
    name: flags.name ?? nameFrom(flags.helm ?? path),
    ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
    ...(flags.deadline === undefined ? {} : { deadlineSeconds: seconds(flags.deadline, '--deadline') }),
    ...(flags.retries === undefined ? {} : { retries: { max: wholeNumber('--retries', flags.retries, 10) } }),
  }
  if (flags.helm === undefined) {
    const { bytes, sha256, files } = await packPath(path)
    manifestsIn(files, given)
    const planned: PlannedStep = { step: { kind: 'apply', ...common, package: sha256 }, bytes, sha256 }
    await tryStep(planned, flags.namespace)
    return planned
  }
  const { bytes, sha256, ...inside } = await packChart(path, values)
  const step: StepInput = {
    kind: 'helm',
    ...common,
    ...inside,
    package: sha256,
    release: flags.helm,
    set: setsOf(flags.set ?? []),
    createNamespace: flags.createNamespace ?? false,
  }
  await tryStep({ step, bytes })
  return { step, bytes, sha256 }
}
