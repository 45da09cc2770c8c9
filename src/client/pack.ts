import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { PhaseDeadlines } from '../model/deadlines.ts'
import { TelpherError } from '../model/errors.ts'
import type { Graces } from '../model/graces.ts'
import type { HelmMajor } from '../model/image.ts'
import type { RetriesInput } from '../model/retry.ts'
import type { StepInput } from '../model/step.ts'
import type { StepSecretInput } from '../model/stepsecret.ts'
import { packPath } from '../steps/package/pack.ts'
import { tryStep } from './try-step.ts'

/** A step and the package that it names. */
export interface PlannedStep {
  readonly step: StepInput
  readonly bytes: Buffer
  readonly sha256: string
}

/** A chart as one release of it. */
export interface HelmOptions {
  readonly release: string
  /** Values files; later ones win. */
  readonly values?: readonly string[]
  /** Single values by their path in the chart, as helm's --set takes them. */
  readonly set?: Readonly<Record<string, string>>
  /** Values that nobody may see, by the same paths: `{ value }` for this deployment alone, `{ secret }` for a stored one. */
  readonly setSecret?: Readonly<Record<string, StepSecretInput>>
  readonly createNamespace?: boolean
  /** Marks a revision that somebody else left pending as failed, without waiting for its owner. */
  readonly takeOver?: boolean
  /** Which Helm; 4 when absent. */
  readonly version?: HelmMajor | undefined
}

/** Something on this disk as a step. */
export interface LocalStep {
  /** A file, folder or glob of manifests; with `helm`, a chart folder or packed chart. */
  readonly path: string
  /** Name of the step, by which its objects are remembered; from the path when absent. */
  readonly name?: string
  /** The target's own when absent. */
  readonly namespace?: string
  readonly helm?: HelmOptions
  /** Whole time of a job once started, in seconds. */
  readonly deadlineSeconds?: number
  readonly retries?: RetriesInput
  /** How long trouble of its objects may last, in seconds (docs/reference/graces.md). */
  readonly graces?: Graces
  /** How long single phases of it may last, in seconds (docs/reference/graces.md). */
  readonly deadlines?: PhaseDeadlines
}

const isArchive = (path: string): boolean => /\.(?:tgz|tar\.gz)$/.test(path) && existsSync(path)
export const isChart = (path: string): boolean => isArchive(path) || existsSync(join(path, 'Chart.yaml'))

/** A step's name from what it deploys, in the form that names have. */
export const nameFrom = (path: string): string =>
  basename(resolve(path))
    .replace(/\.(?:ya?ml|json|tgz|tar\.gz)$/i, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '') || 'step'

/** A chart with its values files as a package, and what both are called in it. */
export const packChart = async (
  path: string,
  values: readonly string[],
): Promise<Omit<PlannedStep, 'step'> & { readonly chart: string; readonly values: string[] }> => {
  const inPackage = values.map((file, index) => [`.telpher/values-${index}.yaml`, file] as const)
  const { bytes, sha256 } = await packPath(path, new Map(inPackage))
  return { bytes, sha256, chart: isArchive(path) ? basename(path) : '.', values: inPackage.map(([name]) => name) }
}

/** Says at once that a folder has nothing to apply, before it is uploaded. */
const mustHaveManifests = (files: readonly string[], path: string): void => {
  if (!files.some((file) => /\.(?:ya?ml|json)$/i.test(file)))
    throw new TelpherError('empty_package', `there is no Kubernetes object in ${path} (.yaml, .yml, .json)`, { field: path })
}

/**
 * Packs a step and tries it as a worker would, so that what no worker could take is said before anything is sent.
 * @param given paths are relative to `cwd`; globs to the folder of this process, as its shell would
 * @throws TelpherError invalid_input when the path is a chart and `helm` is missing, or the other way round; empty_package,
 *   package_refused, package_too_large, invalid_manifest, chart_invalid
 */
export const packLocal = async (given: LocalStep, cwd: string): Promise<PlannedStep> => {
  const { helm } = given
  const path = existsSync(resolve(cwd, given.path)) ? resolve(cwd, given.path) : given.path
  if (isChart(path) !== (helm !== undefined))
    throw new TelpherError(
      'invalid_input',
      helm === undefined
        ? `${given.path} is a Helm chart: say of which release, with helm`
        : `${given.path} is no Helm chart: it has no Chart.yaml`,
      { field: 'helm' },
    )
  const common = {
    name: given.name ?? nameFrom(helm?.release ?? path),
    ...(given.namespace === undefined ? {} : { namespace: given.namespace }),
    ...(given.deadlineSeconds === undefined ? {} : { deadlineSeconds: given.deadlineSeconds }),
    ...(given.deadlines === undefined ? {} : { deadlines: given.deadlines }),
    ...(given.graces === undefined ? {} : { graces: given.graces }),
    ...(given.retries === undefined ? {} : { retries: given.retries }),
  }
  if (helm === undefined) {
    const { bytes, sha256, files } = await packPath(path)
    mustHaveManifests(files, given.path)
    const planned: PlannedStep = { step: { kind: 'apply', ...common, package: sha256 }, bytes, sha256 }
    await tryStep(planned, given.namespace)
    return planned
  }
  const { bytes, sha256, ...inside } = await packChart(
    path,
    (helm.values ?? []).map((file) => resolve(cwd, file)),
  )
  const { release, set = {}, setSecret = {}, createNamespace = false, takeOver = false, version } = helm
  const step: StepInput = {
    kind: 'helm',
    ...common,
    ...inside,
    package: sha256,
    release,
    set: { ...set },
    ...(Object.keys(setSecret).length === 0 ? {} : { setSecret: { ...setSecret } }),
    createNamespace,
    ...(takeOver ? { takeOver } : {}),
    ...(version === undefined ? {} : { helmVersion: version }),
  }
  await tryStep({ step, bytes })
  return { step, bytes, sha256 }
}
