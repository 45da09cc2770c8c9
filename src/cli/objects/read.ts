import { withoutQuote } from '../../model/text.ts'
import { jsonStream } from '../../steps/manifests/json.ts'
import { reading } from '../../steps/manifests/lists.ts'
import { formOf, mostLooked } from './detect.ts'
import { type Entry, entriesIn } from './entries.ts'
import { type Line, linesOf } from './lines.ts'

/** Kubernetes stores no object larger than 1.5 MiB; a List of many is one line, too. */
const longestLine = 64 * 1024 * 1024
const longestDocument = 256 * 1024 * 1024

const bad = (place: string, why: string): Entry => ({ id: place, problem: `${place}: ${why}` })
const messageOf = (thrown: unknown): string => (thrown instanceof Error ? withoutQuote(thrown.message) : String(thrown))

const byLine = (lines: readonly Line[], name: string): Entry[] =>
  lines.flatMap(({ text, at }) => {
    const place = `${name}:${at}`
    if (text === undefined) return [bad(place, 'the line is too long')]
    if (text.trim() === '') return []
    try {
      return entriesIn(JSON.parse(text), place)
    } catch (thrown) {
      return [bad(place, `not JSON: ${messageOf(thrown)}`)]
    }
  })

const yamlIn = async (text: string, name: string, lineBefore: number): Promise<Entry[]> => {
  const { LineCounter, parseAllDocuments } = await import('yaml')
  const counter = new LineCounter()
  const documents = parseAllDocuments(text, { ...reading, lineCounter: counter })
  return [...documents].flatMap((document) => {
    if (!('contents' in document)) return []
    const line = (offset: number): string => `${name}:${counter.linePos(offset).line + lineBefore}`
    const [problem] = document.errors
    if (problem !== undefined) return [bad(line(problem.pos[0]), `not YAML: ${withoutQuote(problem.message)}`)]
    const place = line(document.contents?.range?.[0] ?? 0)
    try {
      const value: unknown = document.toJS({ maxAliasCount: 100 })
      return value === null || value === undefined ? [] : [...entriesIn(value, place)]
    } catch (thrown) {
      return [bad(place, messageOf(thrown))]
    }
  })
}

const jsonIn = async (text: string, name: string): Promise<readonly Entry[]> => {
  try {
    return entriesIn(JSON.parse(text), `${name}:1`)
  } catch (thrown) {
    // One after the other as kubectl writes them, or YAML's own braces.
    const spans = jsonStream(text)
    if (spans !== undefined)
      return spans.flatMap(({ start, end }) =>
        entriesIn(JSON.parse(text.slice(start, end)), `${name}:${text.slice(0, start).split('\n').length}`),
      )
    const entries = await yamlIn(text, name, 0)
    return entries.every(({ problem }) => problem === undefined) ? entries : [bad(`${name}:1`, `not JSON: ${messageOf(thrown)}`)]
  }
}

/** Documents of YAML, each as soon as the next one begins. */
async function* yamlDocuments(batches: AsyncIterable<readonly Line[]>, name: string): AsyncGenerator<readonly Entry[]> {
  let [lines, size, begun]: [string[], number, number] = [[], 0, 0]
  const close = async (next: number): Promise<readonly Entry[]> => {
    const [text, before, isTooLong] = [lines.join('\n'), begun, size > longestLine]
    ;[lines, size, begun] = [[], 0, next]
    return isTooLong ? [bad(`${name}:${before + 1}`, 'the document is too long')] : yamlIn(text, name, before)
  }
  for await (const batch of batches) {
    const found: Entry[] = []
    for (const { text = '', at } of batch) {
      // Nothing but a separator begins so (YAML 1.2.2, 9.1.2).
      if (/^---(?:\s|$)/.test(text) && lines.length > 0) found.push(...(await close(at - 1)))
      size += text.length
      if (size <= longestLine) lines.push(text)
    }
    if (found.length > 0) yield found
  }
  yield await close(0)
}

async function* jsonDocument(batches: AsyncIterable<readonly Line[]>, name: string): AsyncGenerator<readonly Entry[]> {
  let [lines, size]: [string[], number] = [[], 0]
  for await (const batch of batches)
    for (const { text } of batch) {
      size += text?.length ?? longestDocument
      if (size <= longestDocument) lines.push(text ?? '')
      else lines = []
    }
  yield size > longestDocument ? [bad(`${name}:1`, 'the document is too long')] : await jsonIn(lines.join('\n'), name)
}

async function* andThen(head: readonly Line[], rest: AsyncGenerator<readonly Line[]>): AsyncGenerator<readonly Line[]> {
  if (head.length > 0) yield head
  yield* rest
}

/**
 * Reads the objects of a file or stream as they come: YAML with several documents, JSON, one JSON object a line, and Lists
 * in each. What cannot be read is an entry with a problem, and the reading goes on behind it.
 * @param name of the file, for places
 */
export async function* readObjects(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Entry[]> {
  const batches = linesOf(chunks, longestLine)
  const head: Line[] = []
  const looked = (): string[] => head.flatMap(({ text }) => (text === undefined || text.trim() === '' ? [] : [text]))
  // One line that is whole is enough to know, so that a slow stream is answered line by line.
  while (looked().length < mostLooked && !(looked().length > 0 && formOf(name, looked()) === 'lines')) {
    const { value, done } = await batches.next()
    if (done === true) break
    head.push(...value)
  }
  const form = formOf(name, looked().slice(0, mostLooked))
  const all = andThen(head, batches)
  if (form === 'lines') for await (const batch of all) yield byLine(batch, name)
  else yield* form === 'json' ? jsonDocument(all, name) : yamlDocuments(all, name)
}
