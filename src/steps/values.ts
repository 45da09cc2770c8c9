import { type Document, LineCounter, parseAllDocuments } from 'yaml'
import { TelpherError } from '../model/errors.ts'
import { decodeText, withoutQuote } from '../model/text.ts'

const invalid = (file: string, line: number, why: string): TelpherError =>
  new TelpherError('chart_invalid', `${file}:${line}: ${why}`, { field: `${file}:${line}` })

/** Go's parsers take them and the last one counts, so that helm has no trouble (sigs.k8s.io/yaml, Unmarshal). */
const toHelmFine = (code: string): boolean => code === 'DUPLICATE_KEY'

/** What a value is called where a map was expected. */
const nameOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`
}

/**
 * The text of a values file, as helm reads it: UTF-8, whatever its author's editor wrote.
 * @param file its name, for errors: helm would name the file as it is called in the container
 * @throws TelpherError chart_invalid with file and line when it is no text, no YAML, or no map of values
 */
export const readValues = (file: string, bytes: Uint8Array): string => {
  const text = decodeText(bytes)
  if (typeof text !== 'string') throw invalid(file, 1, `it is ${text.problem}`)
  const counter = new LineCounter()
  const documents = parseAllDocuments(text, { prettyErrors: false, logLevel: 'silent', lineCounter: counter }) as Document.Parsed[]
  const [document, second] = documents.filter(({ contents, errors }, at) => at === 0 || contents !== null || errors.length > 0)
  if (document === undefined) return text
  const problem = document.errors.find(({ code }) => !toHelmFine(code))
  if (problem !== undefined) throw invalid(file, counter.linePos(problem.pos[0]).line, `not YAML: ${withoutQuote(problem.message)}`)
  if (second !== undefined && second.toJS() !== null)
    throw invalid(file, counter.linePos(second.contents?.range[0] ?? second.range[0]).line, 'helm reads the first document only')
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 1000 })
  } catch (thrown) {
    throw invalid(file, 1, thrown instanceof Error ? withoutQuote(thrown.message) : 'it cannot be read')
  }
  if (value !== null && value !== undefined && (typeof value !== 'object' || Array.isArray(value)))
    throw invalid(file, 1, `values are a map of names, and this is ${nameOf(value)}`)
  return text
}
