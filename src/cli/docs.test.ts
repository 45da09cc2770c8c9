import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { commandsIn, commandsInText, pages, pageText, snippetsOf } from '../../tests/support/docs.ts'
import { parseProcess } from '../process/parse.ts'
import { checkout } from '../sandbox/paths.ts'
import { catalogue } from './catalogue.ts'
import type { Out } from './context.ts'
import { globals } from './globals.ts'
import { buildProgram } from './program.ts'
import { groups } from './spec.ts'

const silent: Out = { write: () => {}, isTTY: false, columns: () => 80 }
const parse = async (words: readonly string[]): Promise<unknown> => {
  try {
    return await buildProgram({ stdout: silent, stderr: silent }, async () => {}).parseAsync(['node', 'telpher', ...words])
  } catch (error) {
    throw new Error(`telpher ${words.join(' ')}: ${error instanceof Error ? error.message : error}`)
  }
}

/** The command that some words of a text begin with, and whatever flags of it they name. */
const problemIn = (words: readonly string[]): string | undefined => {
  const flags = words.filter((word) => word.startsWith('--')).map((word) => word.replace(/[=,.].*/s, ''))
  const plain = words.filter((word) => /^[a-z-]+$/.test(word) && !word.startsWith('-'))
  const specs = catalogue.filter(
    ({ path: [first, second] }) => first === plain[0] && (second === undefined || plain[1] === undefined || second === plain[1]),
  )
  if (specs.length === 0) return plain[0] === undefined || plain[0] in groups ? undefined : 'there is no such command'
  const known = new Set(
    [...specs.flatMap(({ options = [] }) => options), ...globals].flatMap(({ flags: text }) => text.match(/--[a-z-]+/g) ?? []),
  )
  const unknown = flags.filter((flag) => flag !== '--help' && !known.has(flag))
  return unknown.length === 0 ? undefined : `it has no ${unknown.join(', ')}`
}

const snippets = pages.flatMap(snippetsOf)
const at = ({ page, line }: { page: string; line: number }): string => `${page}:${line}`

test('there are pages with blocks of every kind', () => {
  for (const language of ['sh', 'text', 'yaml', 'ts'])
    expect(
      snippets.filter((one) => one.language === language),
      language,
    ).not.toEqual([])
})

test.each(snippets.filter(({ language }) => language === 'sh' || language === 'text').map((one) => [at(one), one] as const))(
  'every command line of %s can be given',
  async (_, { page, text }) => {
    // The page of commands shows usages and examples: its own test compares it with the parser.
    if (page !== 'docs/reference/commands.md') for (const words of commandsIn(text)) await parse(words)
  },
)

test.each(pages.map((page) => [page]))('every command that the text of %s names is there, with its flags', (page) => {
  for (const words of commandsInText(page)) expect(problemIn(words), `telpher ${words.join(' ')}`).toBeUndefined()
})

test.each(snippets.filter(({ language }) => language === 'yaml').map((one) => [at(one), one.text] as const))(
  '%s can be read',
  (_, text) => {
    for (const document of parseAllDocuments(text)) expect('errors' in document && document.errors).toEqual([])
    if (/^steps:/m.test(text)) expect(parseProcess(text)).toMatchObject({ ok: true })
  },
)

test('command lines are in blocks of shell lines, which are run or say why not', () => {
  const hidden = snippets.filter(
    ({ language, page, text }) => language === 'text' && page !== 'docs/reference/commands.md' && /^(?:\.\/)?telpher /m.test(text),
  )
  expect(hidden.map(at)).toEqual([])
})

test('only a block of shell lines is marked as not run', () => {
  expect(snippets.filter(({ language, notRun }) => language !== 'sh' && notRun !== undefined).map(at)).toEqual([])
})

test.each(pages.map((page) => [page]))('the links of %s lead somewhere', (page) => {
  const links = [...pageText(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path)
  expect(links.filter((path) => !existsSync(join(checkout, dirname(page), path)))).toEqual([])
})
