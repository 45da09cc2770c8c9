import { type Phase, type PhaseDeadlines, readPhaseDeadline } from '../model/deadlines.ts'
import { durationSeconds } from '../model/duration.ts'
import { type GraceName, type Graces, readGrace } from '../model/graces.ts'
import type { RetriesInput } from '../model/retry.ts'
import { type StepInput, stepSchema } from '../model/step.ts'
import { matchesTags } from '../model/tags.ts'
import type { Target } from '../model/target.ts'
import type { Finding } from './check.ts'
import { fillIn } from './references.ts'
import type { HelmEntry, Path, Process, StepEntry } from './types.ts'

/** What a step is packed from, as paths relative to the process file. */
export type Sources =
  | { readonly kind: 'apply'; readonly paths: readonly string[] }
  | { readonly kind: 'helm'; readonly chart: string; readonly values: readonly string[] }

/** A step as a deployment has it, but for its package; what the sources become in it is up to who packs them. */
export interface ResolvedStep {
  readonly step: StepInput
  readonly sources: Sources
}

/** Stands in for the package while the rest is checked. */
const noPackage = '0'.repeat(64)

/** A text that helm's --set takes as it is: commas, braces and brackets would begin further values there (helm docs, --set). */
const literal = (text: string): string => text.replace(/[\\,{}[\]]/g, '\\$&')

const filled = <T>(value: T, values: ReadonlyMap<string, string>): T | undefined => {
  let isWhole = true
  const fill = (inner: unknown): unknown => {
    if (typeof inner === 'string') {
      const text = fillIn(inner, values)
      if (text === undefined) isWhole = false
      return text
    }
    if (Array.isArray(inner)) return inner.map(fill)
    if (typeof inner !== 'object' || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, fill(item)]))
  }
  const result = fill(value)
  return isWhole ? (result as T) : undefined
}

const retriesOf = ({ backoff, ...given }: NonNullable<StepEntry['retries']>): RetriesInput => ({
  ...given,
  ...(backoff === undefined ? {} : { backoffSeconds: durationSeconds(backoff) }),
})

const gracesOf = (given: NonNullable<StepEntry['graces']>): Graces =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, readGrace(name as GraceName, String(value))]))

const deadlinesOf = (given: NonNullable<StepEntry['deadlines']>): PhaseDeadlines =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, readPhaseDeadline(name as Phase, value)]))

const common = (entry: StepEntry): Pick<StepInput, 'name' | 'package'> & Partial<StepInput> => ({
  name: entry.name,
  package: noPackage,
  ...(entry.namespace === undefined ? {} : { namespace: entry.namespace }),
  ...(entry.image === undefined ? {} : { image: entry.image }),
  ...(entry.deadline === undefined ? {} : { deadlineSeconds: durationSeconds(entry.deadline) }),
  ...(entry.deadlines === undefined ? {} : { deadlines: deadlinesOf(entry.deadlines) }),
  ...(entry.when === undefined ? {} : { when: entry.when }),
  ...(entry.retries === undefined ? {} : { retries: retriesOf(entry.retries) }),
  ...(entry.settle === undefined ? {} : { settleSeconds: durationSeconds(entry.settle) }),
  ...(entry.graces === undefined ? {} : { graces: gracesOf(entry.graces) }),
})

const helmStep = (entry: StepEntry, helm: HelmEntry): ResolvedStep => ({
  step: {
    ...common(entry),
    kind: 'helm',
    release: helm.release ?? entry.name,
    set: Object.fromEntries(Object.entries(helm.set ?? {}).map(([key, value]) => [key, literal(String(value))])),
    ...(helm.setSecret === undefined
      ? {}
      : {
          setSecret: Object.fromEntries(
            Object.entries(helm.setSecret).map(([path, reference]) => [path, { secret: reference.slice('secret:'.length) }]),
          ),
        }),
    ...(helm.createNamespace === undefined ? {} : { createNamespace: helm.createNamespace }),
    ...(helm.historyMax === undefined ? {} : { historyMax: helm.historyMax }),
    ...(helm.takeOver === undefined ? {} : { takeOver: helm.takeOver }),
    ...(helm.version === undefined ? {} : { helmVersion: helm.version }),
  },
  sources: { kind: 'helm', chart: helm.chart, values: helm.values ?? [] },
})

const stepOf = (entry: StepEntry): ResolvedStep =>
  entry.helm === undefined
    ? { step: { ...common(entry), kind: 'apply' }, sources: { kind: 'apply', paths: [entry.apply ?? []].flat() } }
    : helmStep(entry, entry.helm)

/** Fields of a helm step stand one level deeper in the file. */
const pathInFile = (kind: StepInput['kind'], [field = '', ...rest]: Path): Path =>
  kind === 'helm' && ['release', 'set', 'setSecret'].includes(String(field)) ? ['helm', field, ...rest] : [field, ...rest]

const ofSources = (sources: Sources): Finding[] => {
  const named: [Path, string][] =
    sources.kind === 'apply'
      ? sources.paths.map((path) => [['apply'], path])
      : [[['helm', 'chart'], sources.chart], ...sources.values.map((path, at): [Path, string] => [['helm', 'values', at], path])]
  return named
    .filter(([, path]) => path === '' || path.startsWith('/'))
    .map(([path, text]) => ({ path, message: `filled in, this is "${text}": give a path relative to this file` }))
}

/** What is wrong with a step once it is filled in, with paths inside the step. */
const findingsIn = ({ step, sources }: ResolvedStep): Finding[] => [
  ...(stepSchema.safeParse(step).error?.issues ?? []).map(({ path, message }) => {
    const plain = path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    return { path: pathInFile(step.kind, plain), message }
  }),
  ...ofSources(sources),
]

/**
 * The steps with their inputs filled in, in the order of the file.
 * @param values those of the inputs; a step that refers to one without is left out as undefined
 * @returns the steps, and what the filled in values turned out to be wrong in
 */
export const resolveSteps = (
  process: Process,
  values: ReadonlyMap<string, string>,
): { readonly steps: readonly (ResolvedStep | undefined)[]; readonly findings: readonly Finding[] } => {
  const steps = process.steps.map((entry) => {
    const whole = filled(entry, values)
    return whole === undefined ? undefined : stepOf(whole)
  })
  const findings = steps.flatMap((resolved, index) =>
    resolved === undefined ? [] : findingsIn(resolved).map((finding) => ({ ...finding, path: ['steps', index, ...finding.path] })),
  )
  return { steps, findings }
}

/** The names of the targets that a process names, and of those for which all of its tags hold. Each once, by name. */
export const resolveTargets = ({ targets }: Process, all: readonly Pick<Target, 'name' | 'tags'>[]): string[] => {
  const wanted = targets?.tags ?? []
  const tagged = wanted.length === 0 ? [] : all.filter(({ tags }) => wanted.every((text) => matchesTags(text, tags)))
  return [...new Set([...(targets?.names ?? []), ...tagged.map(({ name }) => name)])]
}
