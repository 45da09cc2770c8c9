import { type Document, isAlias, isMap, isSeq, LineCounter, parseAllDocuments, visit } from 'yaml'
import { TelpherError } from '../../model/errors.ts'

/** One Kubernetes object as its author wrote it. */
export interface ManifestObject {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly namespace?: string
  /** The text of the object alone, a YAML document of its own: values are not read and written again, so none changes. */
  readonly text: string
  readonly file: string
  readonly line: number
}

const invalid = (file: string, line: number, why: string): TelpherError =>
  new TelpherError('invalid_manifest', `${file}:${line}: ${why}`, { field: `${file}:${line}` })

/** Kubernetes' own limit for what etcd stores is 1.5 MiB; kubectl's apply would fail later and worse. */
const longestText = 3 * 1024 * 1024

const decode = (file: string, bytes: Buffer): string => {
  const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined
  try {
    return new TextDecoder(utf16 ?? 'utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(file, 1, 'it is neither UTF-8 nor UTF-16')
  }
}

const textField = (value: unknown, field: string): string | undefined => {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined
  return typeof found === 'string' && found !== '' ? found : undefined
}

const objectOf = (value: unknown, text: string, file: string, line: number): ManifestObject => {
  const apiVersion = textField(value, 'apiVersion')
  const kind = textField(value, 'kind')
  if (apiVersion === undefined || kind === undefined) throw invalid(file, line, 'an object needs apiVersion and kind')
  const metadata = (value as { metadata?: unknown }).metadata
  const name = textField(metadata, 'name')
  if (name === undefined) {
    const generated = textField(metadata, 'generateName') !== undefined
    throw invalid(file, line, generated ? `${kind}: generateName cannot be applied twice; give it a name` : `${kind} needs metadata.name`)
  }
  const namespace = textField(metadata, 'namespace')
  return { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }), text, file, line }
}

const readValue = (document: Document, file: string, line: number): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    throw invalid(file, line, thrown instanceof Error ? thrown.message : 'it cannot be read')
  }
}

const hasAliases = (document: Document): boolean => {
  let found = false
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) found = true
    },
  })
  return found
}

/** The items of a List (v1 List, or a kind that ends in List with items) as texts of their own. */
const itemsOf = (document: Document, source: string, counter: LineCounter): { text: string; line: number }[] | undefined => {
  if (!isMap(document.contents)) return undefined
  const items = document.contents.get('items')
  if (!isSeq(items) || hasAliases(document)) return undefined
  return items.items.map((item) => {
    const range = (item as { range?: [number, number, number] }).range ?? [0, 0, 0]
    const { line, col } = counter.linePos(range[0])
    return { text: `${' '.repeat(col - 1)}${source.slice(range[0], range[2])}`, line }
  })
}

const isList = (value: unknown): value is { kind: string; items: unknown[] } =>
  textField(value, 'kind')?.endsWith('List') === true && Array.isArray((value as { items?: unknown }).items)

/**
 * Reads the objects of one file: YAML with several documents, JSON, and List kinds.
 * @throws TelpherError invalid_manifest with file and line
 */
export const readManifest = (file: string, bytes: Buffer): ManifestObject[] => {
  const source = decode(file, bytes)
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n')
  const counter = new LineCounter()
  const documents = parseAllDocuments(source, { lineCounter: counter, uniqueKeys: true, prettyErrors: false, logLevel: 'silent' })
  const objects: ManifestObject[] = []
  for (const document of documents) {
    const start = document.contents?.range?.[0] ?? document.range[0]
    const line = Math.max(1, counter.linePos(start).line)
    const problem = document.errors[0]
    if (problem !== undefined) {
      // What is not closed is missed only after the last line break: the last line with text is where to look.
      const at = Math.min(counter.linePos(problem.pos[0]).line, source.trimEnd().split('\n').length)
      throw invalid(file, at, `not YAML: ${problem.message}`)
    }
    const value = readValue(document, file, line)
    if (value === null || value === undefined) continue
    if (typeof value !== 'object' || Array.isArray(value)) throw invalid(file, line, 'a document must be an object')
    const text = source.slice(document.contents?.range?.[0] ?? 0, document.range[2])
    if (text.length > longestText) throw invalid(file, line, 'the object is larger than Kubernetes takes (1.5 MiB)')
    if (!isList(value)) {
      objects.push(objectOf(value, text, file, line))
      continue
    }
    const items = itemsOf(document, source, counter)
    value.items.forEach((item, index) => {
      const found = items?.[index] ?? { text: JSON.stringify(item), line }
      objects.push(objectOf(item, found.text, file, found.line))
    })
  }
  return objects
}
