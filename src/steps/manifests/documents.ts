import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml'
import { jsonStream } from './json.ts'
import { isList, itemsOf, reading } from './lists.ts'
import { invalidAt, type ManifestObject, objectOf } from './object.ts'

/** Kubernetes' own limit for what etcd stores is 1.5 MiB; kubectl's apply would fail later and worse. */
const longestText = 3 * 1024 * 1024

const decode = (file: string, bytes: Buffer): string => {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined
  try {
    // Line breaks are normalised by YAML itself (YAML 1.2.2, 5.4), so that this changes no value.
    return new TextDecoder(utf16 ?? 'utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch {
    throw invalidAt(file, 1, 'it is neither UTF-8 nor UTF-16')
  }
}

const problemIn = (source: string, counter: LineCounter, problem: YAMLError): { readonly line: number; readonly why: string } => {
  // What is not closed is missed only after the last line break: the last line with text is where to look.
  const line = Math.min(counter.linePos(problem.pos[0]).line, source.trimEnd().split('\n').length)
  return { line, why: problem.code === 'RESOURCE_EXHAUSTION' ? 'it is nested too deeply' : `not YAML: ${problem.message}` }
}

const readValue = (document: Document, file: string, line: number): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    throw invalidAt(file, line, thrown instanceof Error ? thrown.message : 'it cannot be read')
  }
}

/** The text of a document alone. Its separator becomes blanks: kubectl takes nothing but a comment on that line. */
const textOf = (source: string, [start, , end]: readonly [number, number, number]): string =>
  source.slice(start, end).replace(/^---/, '   ')

const isYamlDocument = (document: Document | Document.Parsed): document is Document.Parsed => document.range !== null

const readText = (file: string, source: string, lineBefore: number): ManifestObject[] => {
  const counter = new LineCounter()
  const documents = [...parseAllDocuments(source, { ...reading, lineCounter: counter })].filter(isYamlDocument)
  return documents.flatMap((document) => {
    const line = counter.linePos(document.contents?.range?.[0] ?? document.range[0]).line + lineBefore
    const [problem] = document.errors
    if (problem !== undefined) {
      const found = problemIn(source, counter, problem)
      throw invalidAt(file, found.line + lineBefore, found.why)
    }
    const value = readValue(document, file, line)
    if (value === null || value === undefined) return []
    if (typeof value !== 'object' || Array.isArray(value)) throw invalidAt(file, line, 'a document must be an object')
    const found = isList(value)
      ? itemsOf(value, document, { source, file, counter, lineBefore })
      : [{ value, text: textOf(source, document.range), line }]
    return found.map((one) => {
      if (one.text.length > longestText) throw invalidAt(file, one.line, 'the object is larger than Kubernetes takes (1.5 MiB)')
      return objectOf(one.value, one.text, file, one.line)
    })
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
  if (spans === undefined) return readText(file, source, 0)
  return spans.flatMap(({ start, end }) => readText(file, source.slice(start, end), source.slice(0, start).split('\n').length - 1))
}
