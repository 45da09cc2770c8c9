import type { Place } from './types.ts'

const around = 2
/** Lines that are longer are cut to what is around the column. */
const widest = 120

/** What a terminal or a font would not show as one character. */
const odd = /[\p{C}\u2028\u2029]/gu

/** The part of a line that is shown, and how many characters of it stand before the column. */
const cut = (line: string, column: number): { readonly text: string; readonly before: number } => {
  const start = line.length <= widest ? 0 : Math.max(0, Math.min(column - 1 - widest / 2, line.length - widest))
  const end = Math.min(line.length, start + widest)
  const [left, right] = [start > 0 ? '…' : '', end < line.length ? '…' : '']
  const before = [...line.slice(start, Math.max(start, column - 1))].length + left.length
  return { text: `${left}${line.slice(start, end).replace(odd, ' ')}${right}`, before }
}

/**
 * The lines around a place, with a caret below it, without colours.
 * @returns lines without a line break at the end; empty when the text has no such line
 */
export const frameOf = (source: string, { line, column }: Place): string[] => {
  const lines = source.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  if (line > lines.length) return []
  const [first, last] = [Math.max(1, line - around), Math.min(lines.length, line + around)]
  const digits = String(last).length
  return lines.slice(first - 1, last).flatMap((text, index) => {
    const number = first + index
    const isIt = number === line
    const shown = cut(text, isIt ? column : 1)
    const row = `${isIt ? '>' : ' '} ${String(number).padStart(digits)} | ${shown.text}`.trimEnd()
    return isIt ? [row, `  ${' '.repeat(digits)} | ${' '.repeat(shown.before)}^`] : [row]
  })
}
