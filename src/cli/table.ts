import type { Palette } from './color.ts'
import { safe, widthOf } from './text.ts'

export interface Column<T> {
  readonly title: string
  readonly value: (item: T) => string
  readonly paint?: (item: T, text: string) => string
}

/**
 * Rows under upper-case titles, without borders, as kubectl shows them. Remote text in cells is made harmless.
 * @returns '' for no rows
 */
export const renderTable = <T>(items: readonly T[], columns: readonly Column<T>[], paint: Palette): string => {
  if (items.length === 0) return ''
  const rows = items.map((item) => columns.map((column) => safe(column.value(item)).replaceAll('\n', ' ')))
  const widths = columns.map(({ title }, at) => Math.max(title.length, ...rows.map((row) => widthOf(row[at] ?? ''))))
  const pad = (text: string, at: number): string =>
    at === columns.length - 1 ? text : text + ' '.repeat((widths[at] ?? 0) - widthOf(text) + 2)
  const head = columns.map(({ title }, at) => paint.dim(pad(title, at))).join('')
  const body = rows.map((row, index) =>
    row
      .map((text, at) => {
        const [item, look] = [items[index], columns[at]?.paint]
        const padding = pad(text, at).slice(text.length)
        return (item !== undefined && look !== undefined ? look(item, text) : text) + padding
      })
      .join(''),
  )
  return `${[head, ...body].map((line) => line.trimEnd()).join('\n')}\n`
}
