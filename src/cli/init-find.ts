import type { Dirent } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { nameFrom } from '../client/pack.ts'
import type { DraftStep } from '../process/draft.ts'
import { readManifest } from '../steps/manifests/documents.ts'

/** Deeper folders are looked into by whoever wrote them. */
const deepest = 4
/** As many steps as a process may have. */
const mostSteps = 50
const passedOver = /^(?:\..*|node_modules|vendor)$/
const looksLikeManifest = /\.(?:ya?ml|json)$/i

const isManifest = async (path: string): Promise<boolean> => {
  try {
    return readManifest(path, await readFile(path)).length > 0
  } catch {
    return false
  }
}

const listOf = async (folder: string): Promise<Dirent[]> =>
  (await readdir(folder, { withFileTypes: true }).catch(() => [])).filter(({ name }) => !passedOver.test(name)).sort(byName)
const byName = (a: Dirent, b: Dirent): number => (a.name < b.name ? -1 : 1)

/** What can be deployed of a folder, without names yet. `whole` when all its YAML is manifests, so that the folder says it. */
interface Found {
  readonly whole: boolean
  readonly steps: readonly ({ readonly apply: readonly string[] } | { readonly chart: string })[]
}

const lookInto = async (folder: string, depth: number): Promise<Found> => {
  const entries = await listOf(folder)
  if (entries.some(({ name }) => name === 'Chart.yaml')) return { whole: false, steps: [{ chart: folder }] }
  const files = entries.filter((entry) => entry.isFile() && looksLikeManifest.test(entry.name)).map(({ name }) => join(folder, name))
  const manifests: string[] = []
  for (const file of files) if (await isManifest(file)) manifests.push(file)
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name))
  const below = depth === deepest ? [] : await Promise.all(folders.map((inner) => lookInto(inner, depth + 1)))
  const whole = depth > 0 && depth < deepest && manifests.length === files.length && below.every((found) => found.whole)
  if (whole && manifests.length > 0) return { whole, steps: [{ apply: [folder] }] }
  return { whole, steps: [...(manifests.length > 0 ? [{ apply: manifests }] : []), ...below.flatMap(({ steps }) => steps)] }
}

/** Names that no other step has: `web`, `web-2`. */
const unique = (wanted: string, taken: Set<string>): string => {
  let name = wanted
  for (let next = 2; taken.has(name); next++) name = `${wanted.slice(0, 60)}-${next}`
  taken.add(name)
  return name
}

/**
 * The charts, and the folders and files of Kubernetes objects, of a folder. Links, hidden folders and what tools install are passed over.
 * @returns steps with names of their own and paths relative to the folder, at most fifty
 */
export const findSteps = async (folder: string): Promise<DraftStep[]> => {
  const { steps } = await lookInto(folder, 0)
  const taken = new Set<string>()
  const from = (path: string): string => `./${relative(folder, path)}`
  return steps.slice(0, mostSteps).map((step) => {
    if ('chart' in step) return { name: unique(nameFrom(step.chart), taken), chart: from(step.chart) }
    const [first = folder, ...more] = step.apply
    const source = more.length === 0 ? first : join(first, '..')
    return { name: unique(nameFrom(basename(source) === '' ? folder : source), taken), apply: step.apply.slice(0, 100).map(from) }
  })
}
