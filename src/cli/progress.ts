import type { DeploymentEvent, Job, LogLine } from '../model/deployment.ts'
import { isActive, isTerminal } from '../model/states.ts'
import { blockOf, endLine, wordOf } from './block.ts'
import type { Cli } from './context.ts'
import { createRows, type Row, type Rows } from './rows.ts'
import { safe, span } from './text.ts'

/** Shows a deployment as it goes. */
export interface Progress {
  /** How many logs at once are worth following. */
  readonly mostLogs: number
  show(event: DeploymentEvent): void
  showLine(jobId: string, line: LogLine): void
  /** Something to say that is no event, such as that the connection was cut. */
  note(text: string): void
  /** The last lines of a job's output that were seen. */
  linesOf(jobId: string): readonly string[]
  /** Takes the block away, before the result is printed. */
  end(): void
}

const heartbeatMs = 15_000
/** Of more jobs than this only the ends are told, and from time to time how many are done. */
const mostTold = 20
const frameMs = 200

const linesOf = (rows: Rows, jobId: string): readonly string[] => rows.all.find((row) => row.jobId === jobId)?.lastLines ?? []

const stateOf = (row: Row): string => {
  const by = row.status === 'preparing' ? ` by ${row.worker}${row.attempt > 1 ? ` (attempt ${row.attempt})` : ''}` : ''
  return `${row.title}  ${wordOf(row.status)}${by}${row.detail === '' ? '' : `: ${row.detail}`}`
}

/** One line for each change, with its time: for logs, pipes and CI. A long silence is broken by what it waits for. */
const createLines = (cli: Cli, jobs: readonly Job[]): Progress => {
  const rows = createRows(jobs)
  let last = ''
  let saidAt = Date.now()
  const say = (at: number, text: string): void => {
    if (text === last) return
    last = text
    saidAt = Date.now()
    cli.say(`${cli.paintErr.dim(new Date(at).toISOString())}  ${text}`)
  }
  const isMany = jobs.length > mostTold
  const sayCounts = (): void => {
    const done = rows.all.filter((row) => isTerminal(row.status)).length
    const active = rows.all.filter((row) => isActive(row.status)).length
    say(Date.now(), `${done} of ${rows.all.length} done, ${active} at work, ${rows.all.length - done - active} waiting`)
  }
  const beat = setInterval(() => {
    if (Date.now() - saidAt < heartbeatMs) return
    if (isMany) return sayCounts()
    const open = rows.all.filter((row) => !isTerminal(row.status))
    const [first] = open
    if (first !== undefined)
      say(Date.now(), `${stateOf(first)}, since ${span(Date.now() - first.since)}${open.length > 1 ? `, and ${open.length - 1} more` : ''}`)
  }, 1000)
  return {
    mostLogs: isMany ? 0 : 8,
    show: (event) => {
      const row = rows.take(event)
      if (event.type === 'notice' && row === undefined) say(event.at, safe(event.message))
      const isTold = !isMany || (row !== undefined && event.type === 'job' && isTerminal(row.status))
      if (row !== undefined && event.type !== 'verdict' && isTold) say(event.at, stateOf(row))
    },
    showLine: (jobId, line) => {
      const row = rows.takeLine(jobId, line)
      if (row !== undefined) say(line.at, `${row.title}  | ${row.lastLines.at(-1) ?? ''}`)
    },
    note: (text) => say(Date.now(), text),
    linesOf: (jobId) => linesOf(rows, jobId),
    end: () => clearInterval(beat),
  }
}

/** A block of at most eight lines, drawn again five times a second; what has ended scrolls up as a line of its own. */
const createBlock = (cli: Cli, jobs: readonly Job[]): Progress => {
  const rows = createRows(jobs)
  const left = new Set<Row>()
  let notes: string[] = []
  let drawn: readonly string[] = []
  let frame = 0
  const draw = (isLast: boolean): void => {
    const columns = Math.max(20, cli.stderr.columns() - 1)
    const ended = rows.all.filter((row) => isTerminal(row.status) && !left.has(row))
    for (const row of ended) left.add(row)
    // What ended last stands in the result, when that comes to the same terminal.
    const isSaidTwice = isLast && cli.stdout.isTTY && cli.format === 'table'
    const above = [...notes, ...(isSaidTwice ? [] : ended.map((row) => endLine(row, cli.paintErr, columns)))]
    const block = isLast ? [] : blockOf(rows.all, frame++, Date.now(), cli.paintErr, columns)
    const back = drawn.length === 0 ? '' : `\x1b[${drawn.length}A\x1b[0J`
    if (isLast || above.length > 0 || block.join('\n') !== drawn.join('\n'))
      cli.stderr.write(back + [...above, ...block].map((line) => `${line}\n`).join(''))
    drawn = block
    notes = []
  }
  const timer = setInterval(() => draw(false), frameMs)
  return {
    mostLogs: 4,
    show: (event) => void rows.take(event),
    showLine: (jobId, line) => void rows.takeLine(jobId, line),
    note: (text) => void notes.push(cli.paintErr.dim(text)),
    linesOf: (jobId) => linesOf(rows, jobId),
    end: () => {
      clearInterval(timer)
      draw(true)
    },
  }
}

/** @param jobs of the deployment that is shown */
export const createProgress = (cli: Cli, jobs: readonly Job[]): Progress => {
  const canDraw = cli.stderr.isTTY && cli.env['TERM'] !== 'dumb' && (cli.env['CI'] ?? '') === ''
  return canDraw ? createBlock(cli, jobs) : createLines(cli, jobs)
}
