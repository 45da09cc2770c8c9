import { type Document, parseAllDocuments, type YAMLError } from 'yaml'
import type { z } from 'zod'
import { checkProcess, type Finding, guess } from './check.ts'
import { createLines } from './lines.ts'
import { nearest } from './nearest.ts'
import { placeOf, sourceAt } from './places.ts'
import { knownKeys, processSchema } from './schema.ts'
import { sentenceOf } from './sentence.ts'
import { type Path, type Place, type Problem, type Process, pathText } from './types.ts'

/** A process file that was read, and where everything of it stands. */
export interface ReadProcess {
  readonly process: Process
  /** Where a path stands, or would have to. */
  placeOf(path: Path): Place
}

export type Parsed = { readonly ok: true; readonly read: ReadProcess } | { readonly ok: false; readonly problems: readonly Problem[] }

/** The largest process file, in UTF-16 units: fifty steps need some ten thousand. */
const longestText = 1 << 20
const reading = { uniqueKeys: true, prettyErrors: false, logLevel: 'silent', stringKeys: true } as const

const onlyProblem = (message: string, place: Place = { line: 1, column: 1 }): Parsed => ({
  ok: false,
  problems: [{ ...place, path: '', message }],
})

const yamlSentence = ({ code, message }: YAMLError): string => {
  if (code === 'DUPLICATE_KEY') return 'this key is given twice'
  return code === 'RESOURCE_EXHAUSTION' ? 'this is nested too deeply' : `not YAML: ${message}`
}

/** What is not closed is missed only after the last line break: the end of the text is where to look. */
const yamlProblem = (source: string, lines: (offset: number) => Place, error: YAMLError): Problem => {
  return { ...lines(Math.min(error.pos[0], source.trimEnd().length)), path: '', message: yamlSentence(error) }
}

const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, part) => (typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[part] : undefined),
    value,
  )

const unknownKey = (path: Path, key: string): Finding => {
  const known = knownKeys(path) ?? []
  const message = known.includes(key) ? `${key} is not for this type of input` : `there is no ${key} here`
  const near = guess(key, known)
  return {
    path: [...path, key],
    at: 'key',
    message,
    ...(known.includes(key) ? {} : near.hint === undefined ? { hint: `known: ${known.join(', ')}` } : near),
  }
}

/** What was probably meant by the keys of a level that nobody knows. */
const meantAt = (issues: readonly z.core.$ZodIssue[], path: readonly PropertyKey[]): readonly string[] =>
  issues
    .filter((issue) => issue.code === 'unrecognized_keys' && issue.path.join('\n') === path.join('\n'))
    .flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []))
    .flatMap((key) => nearest(key, knownKeys(path) ?? []) ?? [])

/** A misspelt key says it all: that the key which was meant is missing is no news. */
const isNews = (issue: z.core.$ZodIssue, issues: readonly z.core.$ZodIssue[]): boolean => {
  if (issue.code === 'custom') return meantAt(issues, issue.path).length === 0
  return issue.code !== 'invalid_type' || !meantAt(issues, issue.path.slice(0, -1)).includes(String(issue.path.at(-1)))
}

const findingsOf = (issue: z.core.$ZodIssue, value: unknown, document: Document): Finding[] => {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key))
  const found = valueAt(value, path)
  const hint = issue.code === 'invalid_value' && typeof found === 'string' ? guess(found, issue.values.map(String)) : {}
  const message = sentenceOf(issue, found, sourceAt(document, path))
  return [{ path, message, ...hint, ...(issue.code === 'invalid_key' ? { at: 'key' } : {}) }]
}

const inOrder = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column

/**
 * Reads a process file.
 * @param source its text
 * @returns the process, or everything that is wrong with it in the order of the file; never throws
 */
export const parseProcess = (source: string): Parsed => {
  if (source.length > longestText) return onlyProblem('the file is larger than 1 MiB')
  const lines = createLines(source)
  const [document, second] = parseAllDocuments(source, reading) as Document.Parsed[]
  if (document === undefined || document.contents === null) return onlyProblem('the file is empty')
  const wrong = [...document.errors, ...document.warnings]
  if (wrong.length > 0) return { ok: false, problems: wrong.map((error) => yamlProblem(source, lines, error)).sort(inOrder) }
  if (second !== undefined) {
    const { line } = lines(second.range[0])
    return onlyProblem('a process file is one document: put the next one into a file of its own', { line, column: 1 })
  }
  const value = plainValue(document)
  if (value instanceof Error) return onlyProblem(`it cannot be read: ${value.message}`)
  const checked = processSchema.safeParse(value)
  const findings = checked.success
    ? checkProcess(checked.data, (path) => sourceAt(document, path))
    : checked.error.issues.filter((issue, _, all) => isNews(issue, all)).flatMap((issue) => findingsOf(issue, value, document))
  const place = (path: Path, at?: 'key'): Place => placeOf(document, lines, path, at)
  if (checked.success && findings.length === 0) return { ok: true, read: { process: checked.data, placeOf: place } }
  const problems = findings.map(({ path, at, ...said }) => ({ ...place(path, at), path: pathText(path), ...said }))
  return { ok: false, problems: problems.sort(inOrder) }
}

/** The document as plain values; aliases are followed a hundred times only, as bombs are made of them. */
const plainValue = (document: Document): unknown => {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}
