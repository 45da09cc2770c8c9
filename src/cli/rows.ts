import type { DeploymentEvent, Job, LogLine, ProgressEvent } from '../model/deployment.ts'
import { isTerminal, type JobStatus } from '../model/states.ts'
import { safe } from './text.ts'

/** How much of a log is kept to be shown with a failure. */
const mostLines = 20

/** A job as it is shown while it goes on. */
export interface Row {
  readonly jobId: string
  readonly title: string
  status: JobStatus
  /** When it came into its status, ms since the epoch. */
  since: number
  attempt: number
  worker: string
  /** When its current attempt started, and when it ended. */
  startedAt: number | undefined
  endedAt: number | undefined
  /** What it says of itself: why it waits, which objects are not ready, how it ended. */
  detail: string
  readonly lastLines: string[]
}

/** What objects are doing, in a few words: how many are current, and the first that is not. */
const summaryOf = ({ objects, of }: ProgressEvent): string => {
  const ready = of?.ready ?? objects.filter(({ assessment }) => assessment.status === 'Current').length
  const waiting = objects.find(({ assessment }) => assessment.status !== 'Current')
  const rest =
    waiting === undefined ? '' : ` · ${waiting.ref.kind ?? waiting.ref.resource} ${waiting.ref.name}: ${waiting.assessment.message}`
  return `${ready}/${of?.total ?? objects.length} ready${rest}`
}

const rowOf = (job: Job): Row => ({
  jobId: job.jobId,
  title: `${job.step.name} → ${job.target}`,
  status: job.carried === undefined ? 'pending' : job.status,
  since: job.createdAt,
  attempt: 0,
  worker: '',
  startedAt: undefined,
  endedAt: undefined,
  detail: job.carried === undefined ? '' : safe(job.end?.sentence ?? ''),
  lastLines: [],
})

const detailOf = (event: DeploymentEvent): string | undefined => {
  if (event.type === 'waiting') return `waits: ${event.reason}`
  if (event.type === 'progress') return summaryOf(event)
  if (event.type === 'notice') return event.message
  return undefined
}

const applyEvent = (row: Row, event: DeploymentEvent): void => {
  if (event.type !== 'job') {
    row.detail = safe(detailOf(event) ?? row.detail)
    return
  }
  row.status = event.to
  row.since = event.at
  row.attempt = event.attempt
  row.worker = safe(event.worker ?? '')
  row.detail = safe(event.sentence ?? '')
  if (event.to === 'preparing') row.startedAt = event.at
  if (isTerminal(event.to)) row.endedAt = event.at
}

export interface Rows {
  readonly all: readonly Row[]
  /** Takes an event in. @returns the row that it changed */
  take(event: DeploymentEvent): Row | undefined
  /** Takes a line of a job's log in. @returns its row, unless the line is not the job's own */
  takeLine(jobId: string, line: LogLine): Row | undefined
}

/** The jobs of a deployment as rows that events change: history is replayed from their beginning. */
export const createRows = (jobs: readonly Job[]): Rows => {
  const rows = new Map(jobs.map((job) => [job.jobId, rowOf(job)]))
  return {
    all: [...rows.values()],
    take: (event) => {
      const row = 'jobId' in event && event.jobId !== undefined ? rows.get(event.jobId) : undefined
      if (row !== undefined) applyEvent(row, event)
      return row
    },
    takeLine: (jobId, line) => {
      const row = rows.get(jobId)
      if (row === undefined || line.stream === 'system') return undefined
      row.lastLines.push(safe(line.text))
      if (row.lastLines.length > mostLines) row.lastLines.shift()
      return row
    },
  }
}
