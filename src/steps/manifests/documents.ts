import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml'
import { decodeText, withoutQuote } from '../../model/text.ts'
import { jsonStream } from './json.ts'
import { isList, itemsOf, reading } from './lists.ts'
import { invalidAt, type ManifestObject, type ManifestPlace, objectOf } from './object.ts'

const decode = (file: string, bytes: Buffer): string => {
  const text = decodeText(bytes)
  if (typeof text !== 'string') throw invalidAt({ file, line: 1 }, `it is ${text.problem}`)
  // Line breaks are normalised by YAML itself (YAML 1.2.2, 5.4), so that this changes no value.
  return text.replaceAll('\r\n', '\n')
}

const problemIn = (source: string, counter: LineCounter, problem: YAMLError): { readonly line: number; readonly why: string } => {
  // What is not closed is missed only after the last line break: the last line with text is where to look.
  const line = Math.min(counter.linePos(problem.pos[0]).line, source.trimEnd().split('\n').length)
  return { line, why: problem.code === 'RESOURCE_EXHAUSTION' ? 'it is nested too deeply' : `not YAML: ${withoutQuote(problem.message)}` }
}

const readValue = (document: Document, place: ManifestPlace): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    throw invalidAt(place, thrown instanceof Error ? withoutQuote(thrown.message) : 'it cannot be read')
  }
}

/** The text of a document alone. Its separator becomes blanks: kubectl takes nothing but a comment on that line. */
const textOf = (source: string, [start, , end]: readonly [number, number, number]): string =>
  source.slice(start, end).replace(/^---/, '   ')

const isYamlDocument = (document: Document | Document.Parsed): document is Document.Parsed => document.range !== null

const readText = (file: string, source: string, before: { readonly lines: number; readonly document?: number }): ManifestObject[] => {
  const counter = new LineCounter()
  const documents = [...parseAllDocuments(source, { ...reading, lineCounter: counter })].filter(isYamlDocument)
  return documents.flatMap((document, at) => {
    const number = before.document ?? (documents.length > 1 ? at + 1 : undefined)
    const line = counter.linePos(document.contents?.range?.[0] ?? document.range[0]).line + before.lines
    const place: ManifestPlace = { file, line, ...(number === undefined ? {} : { document: number }) }
    const [problem] = document.errors
    if (problem !== undefined) {
      const found = problemIn(source, counter, problem)
      throw invalidAt({ ...place, line: found.line + before.lines }, found.why)
    }
    const value = readValue(document, place)
    if (value === null || value === undefined) return []
    if (typeof value !== 'object' || Array.isArray(value)) throw invalidAt(place, 'a document must be an object')
    const found = isList(value)
      ? itemsOf(value, document, { source, counter, lineBefore: before.lines, place })
      : [{ value, text: textOf(source, document.range), line }]
    return found.map((one) => objectOf(one.value, one.text, { ...place, line: one.line }))
  })
}

/**
 * Reads the objects of one file: YAML with several documents, JSON (also one object after the other), and List kinds.
 * @param file its path inside the package, for errors
 * @throws TelpherError invalid_manifest with file and line
 */
export const readManifest = (file: string, bytes: Buffer): ManifestObject[] => {
  const source = decode(file, bytes)
  const spans = jsonStream(source)
  if (spans === undefined) return readText(file, source, { lines: 0 })
  let [lines, counted] = [0, 0]
  return spans.flatMap(({ start, end }, at) => {
    for (let next = source.indexOf('\n', counted); next !== -1 && next < start; next = source.indexOf('\n', counted)) {
      lines++
      counted = next + 1
    }
    return readText(file, source.slice(start, end), { lines, document: at + 1 })
  })
}
