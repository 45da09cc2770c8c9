import { stringify } from 'yaml'

const formats = ['table', 'json', 'jsonl', 'yaml'] as const
export type OutputFormat = (typeof formats)[number]

export const isFormat = (text: string): text is OutputFormat => (formats as readonly string[]).includes(text)

const control = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

/** Text from elsewhere, for a terminal: nothing in it is obeyed. */
export const plain = (text: string): string => text.replace(control, '?')

/** Columns without borders, as kubectl has them. */
export const table = (header: readonly string[], rows: readonly (readonly string[])[]): string => {
  const cells = [header, ...rows].map((row) => row.map(plain))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return `${cells
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')}\n`
}

/**
 * Writes a command's data to standard output: one document, or a line for each item.
 * @param value what it is, as JSON
 * @param asTable how it looks for people
 */
export const print = (format: OutputFormat, value: unknown, asTable: () => string): void => {
  if (format === 'table') process.stdout.write(asTable())
  else if (format === 'yaml') process.stdout.write(stringify(value, { aliasDuplicateObjects: false }))
  else if (format === 'jsonl')
    process.stdout.write((Array.isArray(value) ? value : [value]).map((item) => `${JSON.stringify(item)}\n`).join(''))
  else process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}

/** A duration for people. */
export const duration = (ms: number): string =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)}s` : `${Math.floor(ms / 60_000)}m${Math.round((ms % 60_000) / 1000)}s`

/** How long ago something was. */
export const age = (at: number, now: number): string => {
  const seconds = Math.max(0, Math.round((now - at) / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7200) return `${Math.round(seconds / 60)}m`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)}h` : `${Math.round(seconds / 86_400)}d`
}

/** Anything that is not data goes to standard error. */
export const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
