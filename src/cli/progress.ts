import { styleText } from 'node:util'
import type { DeploymentEvent, Job } from '../model/deployment.ts'
import { isTerminal, type JobStatus } from '../model/states.ts'
import type { Failure, ObjectProgress } from '../model/verdict.ts'
import { duration, plain } from './output.ts'

/** Shows a deployment as it goes. */
export interface Progress {
  show(event: DeploymentEvent): void
  /** Takes the last block away, before the result is printed. */
  end(): void
}

interface Row {
  readonly job: Job
  status: JobStatus
  since: number
  detail: string
}

const colours = { succeeded: 'green', failed: 'red', errored: 'red', lost: 'red', timed_out: 'yellow', cancelled: 'yellow' } as const
const marks: Partial<Record<JobStatus, string>> = {
  succeeded: '✓',
  failed: '✗',
  errored: '✗',
  lost: '✗',
  timed_out: '✗',
  cancelled: '–',
  skipped: '–',
}
const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const mostRows = 8
const frameMs = 200

const paint = (status: JobStatus, text: string): string => {
  const colour = (colours as Partial<Record<JobStatus, 'green' | 'red' | 'yellow'>>)[status]
  return colour === undefined ? text : styleText(colour, text, { stream: process.stderr })
}

const dim = (text: string): string => styleText('dim', text, { stream: process.stderr })

/** What objects are doing, in a few words: how many are there, and the first that is not. */
const summary = (objects: readonly ObjectProgress[]): string => {
  const ready = objects.filter(({ assessment }) => assessment.status === 'Current').length
  const waiting = objects.find(({ assessment }) => assessment.status !== 'Current')
  const rest =
    waiting === undefined ? '' : `  ${waiting.ref.kind ?? waiting.ref.resource}/${waiting.ref.name}: ${waiting.assessment.message}`
  return `${ready}/${objects.length} ready${plain(rest)}`
}

const titleOf = (job: Job): string => `${job.step.name} → ${job.target}`

const createRows = (jobs: readonly Job[]): { rows: Row[]; take(event: DeploymentEvent): Row | undefined } => {
  const rows = jobs.map((job): Row => ({ job, status: job.status, since: Date.now(), detail: '' }))
  return {
    rows,
    take(event) {
      if (!('jobId' in event)) return undefined
      const row = rows.find(({ job }) => job.jobId === event.jobId)
      if (row === undefined) return undefined
      if (event.type === 'job') {
        row.status = event.to
        row.since = event.at
        row.detail = plain(event.sentence ?? '')
      } else if (event.type === 'waiting') row.detail = `waits: ${plain(event.reason)}`
      else if (event.type === 'progress') row.detail = summary(event.objects)
      else if (event.type === 'notice') row.detail = plain(event.message)
      return row
    },
  }
}

/** One line for each change, with its time: for logs, pipes and CI. */
const createLines = (jobs: readonly Job[]): Progress => {
  const { take } = createRows(jobs)
  let last = ''
  return {
    show(event) {
      const row = take(event)
      if (row === undefined || event.type === 'verdict') return
      const line = `${titleOf(row.job)}  ${row.status}${row.detail === '' ? '' : `  ${row.detail}`}`
      if (line === last) return
      last = line
      process.stderr.write(`${new Date(event.at).toISOString()}  ${line}\n`)
    },
    end() {},
  }
}

/** A block of at most eight lines, drawn again five times a second; what has ended scrolls up as a line of its own. */
const createBlock = (jobs: readonly Job[]): Progress => {
  const { rows, take } = createRows(jobs)
  const shown = new Set<Row>()
  const started = Date.now()
  let height = 0
  let frame = 0
  const clear = (): string => (height === 0 ? '' : `\x1b[${height}A\x1b[0J`)
  const clip = (line: string): string => line.slice(0, Math.max(20, (process.stderr.columns ?? 100) - 1))
  const draw = (): void => {
    frame++
    let text = clear()
    for (const row of rows) {
      if (!isTerminal(row.status) || shown.has(row)) continue
      shown.add(row)
      text += `${paint(row.status, `${marks[row.status] ?? ' '} ${titleOf(row.job)}  ${row.status}`)}  ${dim(duration(Date.now() - started))}\n`
    }
    const open = rows.filter((row) => !isTerminal(row.status))
    const block = open
      .slice(0, mostRows - 1)
      .map((row) =>
        clip(`${spinner[frame % spinner.length]} ${titleOf(row.job)}  ${row.status} ${duration(Date.now() - row.since)}  ${row.detail}`),
      )
    if (open.length > block.length) block.push(`  … and ${open.length - block.length} more`)
    height = block.length
    process.stderr.write(text + block.map((line) => `${line}\n`).join(''))
  }
  const timer = setInterval(draw, frameMs)
  return {
    show: (event) => void take(event),
    end() {
      clearInterval(timer)
      draw()
    },
  }
}

/** @param jobs of the deployment that is shown */
export const createProgress = (jobs: readonly Job[]): Progress =>
  process.stderr.isTTY && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined ? createBlock(jobs) : createLines(jobs)

const indent = (text: string): string => `    ${plain(text)}`

/** Why a job failed, for people: the sentence, the chain of causes, the last lines of the container. */
export const failureText = (sentence: string, failure: Failure | undefined): string => {
  const lines = [plain(sentence)]
  for (const [depth, link] of (failure?.chain ?? []).entries())
    lines.push(`  ${'  '.repeat(depth)}${depth === 0 ? '' : '└ '}${plain(`${link.kind} ${link.name}: ${link.message}`)}`)
  if (failure !== undefined && failure.lastLines.length > 0) lines.push('  last lines of the container:', ...failure.lastLines.map(indent))
  return lines.join('\n')
}
