import type { Job } from '../../model/deployment.ts'
import type { FieldChange, Outcome, PackageChange, RunDiff, StepChange } from '../../model/rundiff.ts'
import type { Step } from '../../model/step.ts'
import type { Run } from '../../scheduler/again.ts'
import { type Hash, hidden, isSensitive } from './redact.ts'

/** Values by name as text, hidden where the name says so. */
type Fields = ReadonlyMap<string, string>

const textOf = (name: string, value: unknown, hash: Hash): string => {
  if (isSensitive(name)) return hidden(value, hash)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const fieldsOf = (value: object, left: readonly string[], nested: string, hash: Hash): Fields => {
  const all: Readonly<Record<string, unknown>> = { ...value }
  const inner = Object.entries((all[nested] ?? {}) as Record<string, unknown>).map(([name, one]) => [`${nested}.${name}`, one] as const)
  const outer = Object.entries(all).filter(([name]) => name !== nested && !left.includes(name))
  return new Map([...outer, ...inner].filter(([, one]) => one !== undefined).map(([name, one]) => [name, textOf(name, one, hash)]))
}

const changesOf = (a: Fields, b: Fields): FieldChange[] =>
  [...new Set([...a.keys(), ...b.keys()])]
    .filter((field) => a.get(field) !== b.get(field))
    .map((field) => {
      const [before, after] = [a.get(field), b.get(field)]
      return { field, ...(before === undefined ? {} : { a: before }), ...(after === undefined ? {} : { b: after }) }
    })

const stepFields = (steps: readonly Step[], hash: Hash): ReadonlyMap<string, Fields> =>
  new Map(
    steps.map((step, index) => [
      step.name,
      new Map([['position', String(index + 1)], ...fieldsOf(step, ['name', 'package'], 'set', hash)]),
    ]),
  )

/** Which packages two deployments have in common steps, and differ. */
export const changedPackages = (a: Run, b: Run): { readonly step: string; readonly a: string; readonly b: string }[] =>
  a.deployment.request.steps.flatMap((step) => {
    const other = b.deployment.request.steps.find(({ name }) => name === step.name)
    return other === undefined || other.package === step.package ? [] : [{ step: step.name, a: step.package, b: other.package }]
  })

const stepChanges = (a: Run, b: Run, packages: ReadonlyMap<string, PackageChange>, hash: Hash): StepChange[] => {
  const [before, after] = [a, b].map(({ deployment }) => stepFields(deployment.request.steps, hash))
  return [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].flatMap((step): StepChange[] => {
    const [one, other] = [before?.get(step), after?.get(step)]
    const fields = changesOf(one ?? new Map(), other ?? new Map())
    const found = packages.get(step)
    if (fields.length === 0 && found === undefined) return []
    const change = one === undefined ? 'added' : other === undefined ? 'removed' : 'changed'
    return [{ step, change, fields, ...(found === undefined ? {} : { package: found }) }]
  })
}

const outcomeOf = ({ status, end, attempt }: Job): Outcome => ({
  status,
  attempts: attempt,
  ...(end === undefined ? {} : { sentence: end.sentence }),
  ...(end?.code === undefined ? {} : { code: end.code }),
})

const keyOf = (job: Job): string => `${job.step.name}\n${job.target}`

const resultChanges = (a: Run, b: Run): RunDiff['results'] => {
  const [before, after] = [a, b].map(({ jobs }) => new Map(jobs.map((job) => [keyOf(job), job])))
  return [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])].flatMap((key) => {
    const [one, other] = [before?.get(key), after?.get(key)]
    if (one?.status === other?.status && one?.end?.code === other?.end?.code) return []
    const [step = '', target = ''] = key.split('\n')
    return [{ step, target, ...(one === undefined ? {} : { a: outcomeOf(one) }), ...(other === undefined ? {} : { b: outcomeOf(other) }) }]
  })
}

/** What a job ran with; of one that never began nothing is known. */
const toolsOf = ({ tools }: Job): Fields => new Map(Object.entries(tools ?? {}))

const toolChanges = (a: Run, b: Run): RunDiff['tools'] => {
  const before = new Map(a.jobs.map((job) => [keyOf(job), job]))
  return b.jobs.flatMap((job) => {
    const earlier = before.get(keyOf(job))
    if (earlier?.tools === undefined || job.tools === undefined) return []
    const fields = changesOf(toolsOf(earlier), toolsOf(job))
    return fields.length === 0 ? [] : [{ step: job.step.name, target: job.target, fields }]
  })
}

const longestOf = ({ jobs }: Run, step: string): number | undefined => {
  const times = jobs.flatMap((job) =>
    job.step.name !== step || job.startedAt === undefined || job.endedAt === undefined ? [] : [job.endedAt - job.startedAt],
  )
  return times.length === 0 ? undefined : Math.max(...times)
}

const timingsOf = (a: Run, b: Run): RunDiff['timings'] => {
  const [totalA, totalB] = [a, b].map(({ deployment: { createdAt, endedAt } }) => (endedAt === undefined ? undefined : endedAt - createdAt))
  const names = new Set([a, b].flatMap(({ deployment }) => deployment.request.steps.map(({ name }) => name)))
  return {
    ...(totalA === undefined ? {} : { totalA }),
    ...(totalB === undefined ? {} : { totalB }),
    steps: [...names].map((step) => {
      const [before, after] = [longestOf(a, step), longestOf(b, step)]
      return { step, ...(before === undefined ? {} : { a: before }), ...(after === undefined ? {} : { b: after }) }
    }),
  }
}

/**
 * What differs between two deployments.
 * @param packages step to the differences of its packages, for each of changedPackages
 */
export const diffRuns = (a: Run, b: Run, packages: ReadonlyMap<string, PackageChange>, hash: Hash): RunDiff => {
  const [before, after] = [a, b].map(({ deployment }) => fieldsOf(deployment.request, ['steps', 'targets'], 'inputs', hash))
  const request = changesOf(before ?? new Map(), after ?? new Map())
  const steps = stepChanges(a, b, packages, hash)
  const onlyA = a.deployment.targets.filter((name) => !b.deployment.targets.includes(name))
  const onlyB = b.deployment.targets.filter((name) => !a.deployment.targets.includes(name))
  const results = resultChanges(a, b)
  const tools = toolChanges(a, b)
  return {
    a: a.deployment.id,
    b: b.deployment.id,
    same: [request, steps, onlyA, onlyB, results, tools].every((list) => list.length === 0),
    request,
    steps,
    targets: { onlyA, onlyB },
    results,
    tools,
    timings: timingsOf(a, b),
  }
}
