import { TelpherError } from '../model/errors.ts'
import { nearest } from './nearest.ts'
import type { InputSpec, Process } from './types.ts'

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/

/** Longer values are files, not inputs. */
const longest = 4096

/** Whether a value is one that an input may have. */
export const fits = (spec: InputSpec, value: string): boolean => {
  switch (spec.type) {
    case 'string':
      return value.length <= longest && (spec.pattern === undefined || new RegExp(`^(?:${spec.pattern})$`, 'u').test(value))
    case 'number':
      return number.test(value) && Number.isFinite(Number(value))
    case 'boolean':
      return value === 'true' || value === 'false'
    case 'choice':
      return spec.options.includes(value)
  }
}

/** What values an input may have, in words that complete "give …". */
export const matches = (spec: InputSpec): string => {
  switch (spec.type) {
    case 'string':
      return spec.pattern === undefined ? `text of at most ${longest} characters` : `text that matches ${spec.pattern}`
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'choice':
      return `one of ${spec.options.join(', ')}`
  }
}

const refuse = (message: string): TelpherError => new TelpherError('usage', message, { field: '--input' })

const split = (text: string): readonly [string, string] => {
  const at = text.indexOf('=')
  if (at < 1) throw refuse(`--input ${text}: use NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/**
 * The values of the inputs that have one: given on the command line, where the last word counts, or the default.
 * @param given as `NAME=VALUE`
 * @throws TelpherError usage for an input that there is not, and a value that it may not have
 */
export const readInputs = ({ inputs = {} }: Process, given: readonly string[]): Map<string, string> => {
  const values = new Map<string, string>()
  for (const [name, spec] of Object.entries(inputs)) if (spec.default !== undefined) values.set(name, String(spec.default))
  for (const [name, value] of given.map(split)) {
    const spec = Object.hasOwn(inputs, name) ? inputs[name] : undefined
    if (spec === undefined) {
      const near = nearest(name, Object.keys(inputs))
      throw refuse(`--input ${name}: the process has no such input${near === undefined ? '' : `; did you mean ${near}?`}`)
    }
    if (!fits(spec, value)) throw refuse(`--input ${name}=${value}: give ${matches(spec)}`)
    values.set(name, value)
  }
  return values
}

/** That every input has a value. @throws TelpherError usage that names each one without */
export const mustBeComplete = ({ inputs = {} }: Process, values: ReadonlyMap<string, string>): void => {
  const missing = Object.entries(inputs).filter(([name]) => !values.has(name))
  if (missing.length === 0) return
  const said = missing.map(([name, spec]) => `--input ${name}=… (${spec.description ?? matches(spec)})`)
  throw refuse(`the process needs ${said.join(', ')}`)
}
