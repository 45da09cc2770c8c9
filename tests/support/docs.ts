import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from '../../src/sandbox/paths.ts'

/** A fenced block of a page. */
export interface Snippet {
  /** From the checkout's root. */
  readonly page: string
  readonly line: number
  readonly language: string
  /** Why a block of `sh` is not run by the tests. */
  readonly notRun?: string
  readonly text: string
}

/** README.md and every page of docs/ but the decisions, which are history. */
export const pages: readonly string[] = [
  'README.md',
  ...globSync('docs/**/*.md', { cwd: checkout }).filter((page) => !page.startsWith('docs/decisions/')),
].sort()

export const pageText = (page: string): string => readFileSync(join(checkout, page), 'utf8')

/** The fenced blocks of a page. A fence reads: ```LANGUAGE, and for shell lines that a test cannot run: ```sh not-run: REASON */
export const snippetsOf = (page: string): Snippet[] => {
  const text = pageText(page)
  return [...text.matchAll(/^```(\w*)(?: not-run: ([^\n]+))?\n(.*?)^```$/gms)].map(
    ({ 1: language = '', 2: notRun, 3: body = '', index }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      language,
      ...(notRun === undefined ? {} : { notRun }),
      text: body,
    }),
  )
}

/** A command line of telpher as words, without what a shell does around it. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([whole, single, double]) => single ?? double ?? whole)

/** The command lines of telpher in a block: here-documents, comments and other programs left out. */
export const commandsIn = (text: string): string[][] =>
  text
    .replaceAll(/<<'(\w+)'\n.*?^\1$/gms, '')
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/&&|\||>/))
    .map((part) => part.trim().replace(/^(?:[A-Z_]+=\S+ +)*/, ''))
    .filter((part) => /^(?:\.\/)?telpher /.test(part))
    .map((part) => wordsOf(part).slice(1))

/** The command lines of telpher in the text of a page, between single backticks. */
export const commandsInText = (page: string): string[][] =>
  [
    ...pageText(page)
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/`(?:[A-Z_]+=\S+ )*(?:\.\/)?telpher ([^`]+)`/g),
  ].map(({ 1: words = '' }) => wordsOf(words.split(/ [|>] /)[0] ?? ''))
