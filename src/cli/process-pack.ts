import { existsSync, statSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isChart, type PlannedStep, packChart } from '../client/pack.ts'
import { tryStep } from '../client/try-step.ts'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { StepInput } from '../model/step.ts'
import type { Finding } from '../process/check.ts'
import type { ResolvedStep } from '../process/resolve.ts'
import type { Path } from '../process/types.ts'
import { packPaths } from '../steps/package/pack.ts'

/** What a step has besides its package, and what its files are called in it. */
type InPackage = Pick<PlannedStep, 'bytes' | 'sha256'> & { readonly chart?: string; readonly values?: string[] }

/**
 * Packs what a step of a process file is made of.
 * @param folder what its paths are relative to
 * @throws TelpherError empty_package, package_refused, package_too_large
 */
export const packStep = async ({ step, sources }: ResolvedStep, folder: string): Promise<PlannedStep> => {
  const at = (path: string): string => resolve(folder, path)
  const { bytes, sha256, ...inside }: InPackage =
    sources.kind === 'apply' ? await packSources(sources.paths.map(at)) : await packChart(at(sources.chart), sources.values.map(at))
  return { step: { ...step, ...inside, package: sha256 } as StepInput, bytes, sha256 }
}

const packSources = async (paths: readonly string[]): Promise<InPackage> => {
  const { bytes, sha256 } = await packPaths(paths)
  return { bytes, sha256 }
}

const isThere = async (path: string): Promise<boolean> => {
  if (existsSync(path)) return true
  for await (const _ of glob(path)) return true
  return false
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()

/** Paths that lead to nothing. @param isList whether `apply` is written as a list */
const missing = async ({ sources }: ResolvedStep, folder: string, isList: boolean): Promise<Finding[]> => {
  const nothing = (path: Path, text: string): Finding => ({ path, message: `there is nothing at ${text}` })
  const at = (text: string): string => resolve(folder, text)
  if (sources.kind === 'apply') {
    const there = await Promise.all(sources.paths.map((path) => isThere(at(path))))
    return sources.paths.flatMap((path, index) => (there[index] ? [] : [nothing(isList ? ['apply', index] : ['apply'], path)]))
  }
  const { chart, values } = sources
  const files = values.flatMap((path, index): Finding[] =>
    isFile(at(path)) ? [] : [{ path: ['helm', 'values', index], message: `there is no file ${path}` }],
  )
  if (!existsSync(at(chart))) return [nothing(['helm', 'chart'], chart), ...files]
  return isChart(at(chart)) ? files : [{ path: ['helm', 'chart'], message: `${chart} is no chart: it has no Chart.yaml` }, ...files]
}

/**
 * What is wrong with the files of a step: paths that lead to nothing, charts that are none, manifests that cannot be read.
 * @param isList whether `apply` is written as a list
 * @returns findings with paths inside the step
 */
export const checkSources = async (resolved: ResolvedStep, folder: string, isList: boolean): Promise<Finding[]> => {
  const gone = await missing(resolved, folder, isList)
  if (gone.length > 0) return gone
  try {
    await tryStep(await packStep(resolved, folder))
    return []
  } catch (thrown) {
    if (!(thrown instanceof TelpherError)) throw toTelpherError(thrown)
    return [{ path: resolved.sources.kind === 'apply' ? ['apply'] : ['helm', 'chart'], message: thrown.message }]
  }
}
