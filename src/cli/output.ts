import type { Cli } from './context.ts'
import { safe, widthOf } from './text.ts'

export const formats = ['table', 'json', 'jsonl', 'yaml'] as const
export type OutputFormat = (typeof formats)[number]

/** Columns without borders, as kubectl has them. Text from elsewhere is made harmless. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [header, ...rows].map((row) => row.map((cell) => safe(cell).replaceAll('\n', ' ')))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))))
  const pad = (cell: string, column: number): string => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)))
  return `${cells.map((row) => row.map(pad).join('   ').trimEnd()).join('\n')}\n`
}

/**
 * Writes a command's data to standard output: one document, or with `jsonl` a line for each item.
 * @param value what it is, as JSON
 * @param asTable how it looks for people
 */
export const print = async (cli: Cli, value: unknown, asTable: () => string): Promise<void> => {
  switch (cli.format) {
    case 'table':
      return cli.stdout.write(asTable())
    case 'json':
      return cli.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
    case 'jsonl':
      return cli.stdout.write((Array.isArray(value) ? value : [value]).map((item) => `${JSON.stringify(item)}\n`).join(''))
    case 'yaml':
      return cli.stdout.write(await yamlOf(value))
  }
}

/** A document as YAML. */
export const yamlOf = async (value: unknown): Promise<string> => {
  const { stringify } = await import('yaml')
  // Without types that only JavaScript has, as they would be in JSON.
  return stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false, lineWidth: 0 })
}
