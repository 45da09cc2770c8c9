import { isActive, isTerminal, type JobStatus } from '../model/states.ts'
import type { Paint, Palette } from './color.ts'
import type { Row } from './rows.ts'
import { cutTo, span } from './text.ts'

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** The height of the block that is drawn again and again, in lines. */
export const mostLines = 8

/** Mark and look of a status that a job ends with: never by colour alone. */
export const lookOf = (status: JobStatus, paint: Palette): { readonly mark: string; readonly paint: Paint } => {
  switch (status) {
    case 'succeeded':
      return { mark: '✓', paint: paint.green }
    case 'cancelled':
    case 'skipped':
      return { mark: '–', paint: paint.yellow }
    case 'failed':
    case 'errored':
    case 'lost':
    case 'timed_out':
      return { mark: '✗', paint: paint.red }
    default:
      return { mark: '·', paint: (text) => text }
  }
}

/** The status as people say it. */
export const wordOf = (status: JobStatus): string => status.replace('_', ' ')

/** The line that a job leaves behind when it has ended. */
export const endLine = (row: Row, paint: Palette, columns: number): string => {
  const look = lookOf(row.status, paint)
  const took = row.startedAt === undefined || row.endedAt === undefined ? '' : ` in ${span(row.endedAt - row.startedAt)}`
  const said = row.detail === '' ? '' : `: ${row.detail}`
  return look.paint(cutTo(`${look.mark} ${row.title}  ${wordOf(row.status)}${took}${said}`, columns))
}

const openLine = (row: Row, frame: number, now: number, paint: Palette, columns: number): string => {
  const mark = isActive(row.status) ? (spinner[frame % spinner.length] ?? '·') : '·'
  const again = row.attempt > 1 ? ` (attempt ${row.attempt})` : ''
  const elapsed = span(now - (row.startedAt ?? row.since))
  const text = `${mark} ${row.title}  ${wordOf(row.status)}${again} ${elapsed}${row.detail === '' ? '' : `  ${row.detail}`}`
  return isActive(row.status) ? cutTo(text, columns) : paint.dim(cutTo(text, columns))
}

/**
 * The block of what has not ended: those at work first, each with the last line of its log where there is room.
 * @param frame counts the drawings, for the spinner
 * @returns at most eight lines
 */
export const blockOf = (rows: readonly Row[], frame: number, now: number, paint: Palette, columns: number): string[] => {
  const open = rows.filter((row) => !isTerminal(row.status))
  const sorted = [...open.filter((row) => isActive(row.status)), ...open.filter((row) => !isActive(row.status))]
  if (sorted.length * 2 <= mostLines)
    return sorted.flatMap((row) => {
      const last = row.lastLines.at(-1)
      const line = openLine(row, frame, now, paint, columns)
      return last === undefined ? [line] : [line, paint.dim(cutTo(`    ${last}`, columns))]
    })
  const shown = sorted.slice(0, sorted.length > mostLines ? mostLines - 1 : mostLines)
  const lines = shown.map((row) => openLine(row, frame, now, paint, columns))
  const rest = sorted.slice(shown.length)
  const waiting = rest.filter((row) => !isActive(row.status)).length
  if (rest.length > 0) lines.push(paint.dim(cutTo(`  … and ${rest.length} more${waiting > 0 ? `, ${waiting} waiting` : ''}`, columns)))
  return lines
}
