import { fits, matches } from './inputs.ts'
import { nearest } from './nearest.ts'
import { namesIn, partsOf } from './references.ts'
import type { InputSpec, Path, Process } from './types.ts'

/** A problem by its path; the reader of the file knows the place. */
export interface Finding {
  readonly path: Path
  readonly message: string
  readonly hint?: string
  /** Where to look: at the key, or at its value, which is usual. */
  readonly at?: 'key'
}

/** A guess at a misspelt word, as a sentence. */
export const guess = (word: string, known: readonly string[]): { readonly hint?: string } => {
  const near = nearest(word, known)
  return near === undefined ? {} : { hint: `did you mean ${near}?` }
}

/** Every text below a value, with its path. Keys are no texts: nothing is filled into them. */
const textsIn = (value: unknown, path: Path = []): { readonly path: Path; readonly text: string }[] => {
  if (typeof value === 'string') return [{ path, text: value }]
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, [...path, index]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, [...path, key]))
}

const ofReferences = ({ inputs = {}, steps }: Process): Finding[] =>
  textsIn(steps, ['steps']).flatMap(({ path, text }): Finding[] => {
    if (partsOf(text) === undefined)
      return [{ path, message: `only \${inputs.NAME} is filled in`, hint: 'write $${ where the text ${ itself is meant' }]
    return namesIn(text)
      .filter((name) => !Object.hasOwn(inputs, name))
      .map((name) => ({ path, message: `there is no input ${name}`, ...guess(name, Object.keys(inputs)) }))
  })

const ofDefault = (name: string, spec: InputSpec): Finding[] => {
  if (spec.default === undefined) return []
  const path = ['inputs', name, 'default']
  if (spec.required) return [{ path, message: 'an input with a default need not be given: leave out default or required' }]
  return fits(spec, String(spec.default)) ? [] : [{ path, message: `this is not among the values of the input: ${matches(spec)}` }]
}

const ofNames = ({ steps }: Process): Finding[] =>
  steps.flatMap(({ name }, index) => {
    const first = steps.findIndex((step) => step.name === name)
    return first === index ? [] : [{ path: ['steps', index, 'name'], message: `the step steps[${first}] has this name already` }]
  })

/** YAML reads 1.10 as the number 1.1, and a chart would get that. */
const ofNumbers = ({ steps }: Process, sourceAt: (path: Path) => string | undefined): Finding[] =>
  steps.flatMap(({ helm }, index) =>
    Object.entries(helm?.set ?? {}).flatMap(([key, value]): Finding[] => {
      const path = ['steps', index, 'helm', 'set', key]
      const source = sourceAt(path)
      if (typeof value !== 'number' || source === undefined || source === String(value)) return []
      return [{ path, message: `as a number, ${source} is ${value}`, hint: `put it into quotes: "${source}"` }]
    }),
  )

/** A reference that stands where texts stand would be deployed as a text. */
const ofSecrets = ({ steps }: Process): Finding[] =>
  steps.flatMap(({ helm }, index) =>
    Object.entries(helm?.set ?? {}).flatMap(([key, value]): Finding[] =>
      typeof value === 'string' && value.startsWith('secret:')
        ? [{ path: ['steps', index, 'helm', 'set', key], message: 'set takes this as a text', hint: `put ${key} under setSecret` }]
        : [],
    ),
  )

const ofTargets = ({ targets }: Process): Finding[] =>
  targets !== undefined && targets.tags === undefined && targets.names === undefined
    ? [{ path: ['targets'], message: 'name at least one tag or one target' }]
    : []

const ofFirst = ({ steps: [first] }: Process): Finding[] =>
  first?.when === 'failure' ? [{ path: ['steps', 0, 'when'], message: 'no step before the first can fail: it would never run' }] : []

/**
 * What no single field shows: references, names given twice, defaults that do not fit.
 * @param sourceAt how a single value is written in the file
 */
export const checkProcess = (process: Process, sourceAt: (path: Path) => string | undefined): Finding[] => [
  ...Object.entries(process.inputs ?? {}).flatMap(([name, spec]) => ofDefault(name, spec)),
  ...ofTargets(process),
  ...ofNames(process),
  ...ofFirst(process),
  ...ofReferences(process),
  ...ofNumbers(process, sourceAt),
  ...ofSecrets(process),
]
