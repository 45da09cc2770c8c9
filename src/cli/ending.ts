import type { Detail } from '../client/http.ts'
import type { Job } from '../model/deployment.ts'
import { errorNumber, errorTable } from '../model/errors.ts'
import { summaryOf, summaryText } from '../model/summary.ts'
import type { Failure } from '../model/verdict.ts'
import { lookOf, wordOf } from './block.ts'
import type { Palette } from './color.ts'
import { safe, span } from './text.ts'

/** More of these are counted, not shown. */
const mostSuccesses = 10
/** More failures are told by their sentences, each with the targets that it was said of. */
const mostFailures = 5
const mostNames = 8
const mostLines = 20

const chainOf = (failure: Failure): string[] =>
  failure.chain.map(({ kind, name, message }, depth) => {
    const branch = depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `
    return `    ${branch}${safe(`${kind} ${name}: ${message}`)}`
  })

const linesOf = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`  ${title}:`, ...lines.slice(-mostLines).map((line) => `    ${safe(line)}`)]

/** Why a job did not succeed: the sentence, the chain of causes, the last lines, what to do, and the code. */
const failureLines = (job: Job, seen: readonly string[], paint: Palette): string[] => {
  const look = lookOf(job.status, paint)
  const { end, failure } = job
  const took = job.startedAt === undefined || job.endedAt === undefined ? '' : ` after ${span(job.endedAt - job.startedAt)}`
  return [
    look.paint(`${look.mark} ${safe(`${job.step.name} → ${job.target}  ${wordOf(job.status)}${took}: ${end?.sentence ?? ''}`)}`),
    ...(failure === undefined || failure.chain.length === 0 ? [] : ['  because:', ...chainOf(failure)]),
    ...linesOf('last lines of the container', failure?.lastLines ?? []),
    // A verdict speaks for itself; where the program failed, its output does.
    ...linesOf('last lines of the log', failure === undefined ? seen : []),
    ...(end?.code === undefined ? [] : [paint.dim(`  ${errorNumber(end.code)} ${end.code}: ${errorTable[end.code][3]}`)]),
  ]
}

/** Many that failed alike are one line: what is wrong, and where. */
const alikeLines = (jobs: readonly Job[], paint: Palette): string[] =>
  [...Map.groupBy(jobs, ({ step, status, end }) => `${step.name}  ${wordOf(status)}: ${end?.sentence ?? ''}`)].map(([said, alike]) => {
    const names = alike.slice(0, mostNames).map(({ target }) => target)
    const rest = alike.length > mostNames ? ` and ${alike.length - mostNames} more` : ''
    return paint.red(`✗ ${safe(`${said}`)} (${safe(names.join(', '))}${rest})`)
  })

/**
 * How a deployment ended, for people: what succeeded, what did not and why, and the next command.
 * @param seen the last lines of a job's log, where they are known
 */
export const endText = ({ deployment, jobs }: Detail, paint: Palette, seen: (jobId: string) => readonly string[] = () => []): string => {
  const took = deployment.endedAt === undefined ? '' : ` in ${span(deployment.endedAt - deployment.createdAt)}`
  const good = jobs.filter((job) => job.status === 'succeeded')
  const bad = jobs.filter((job) => job.end !== undefined && job.status !== 'succeeded')
  const summary = summaryOf(jobs)
  const lines = [`${deployment.id}  ${paint.bold(deployment.result ?? deployment.state)}${took}`]
  if (summary.targets > 1) lines.push(summaryText(summary))
  for (const job of good.slice(0, mostSuccesses))
    lines.push(`${paint.green('✓')} ${safe(`${job.step.name} → ${job.target}: ${job.end?.sentence ?? 'done'}`)}`)
  if (good.length > mostSuccesses) lines.push(`${paint.green('✓')} and ${good.length - mostSuccesses} more`)
  const failures = bad.filter(({ status }) => status !== 'skipped')
  for (const job of failures.slice(0, mostFailures)) lines.push(...failureLines(job, seen(job.jobId), paint))
  lines.push(...alikeLines(failures.slice(mostFailures), paint))
  const skipped = bad.filter(({ status, carried }) => status === 'skipped' && carried === undefined).length
  const carried = bad.filter((job) => job.carried !== undefined).length
  if (carried > 0) lines.push(`– ${carried} not run again: ${carried === 1 ? 'it' : 'they'} succeeded before`)
  if (skipped > 0) lines.push(`– ${skipped} skipped`)
  const [failed] = bad.filter(({ status }) => status !== 'skipped' && status !== 'cancelled')
  if (failed !== undefined) lines.push(`next: telpher logs ${deployment.id}${jobs.length > 1 ? ` --job ${failed.jobId}` : ''}`)
  if (failed !== undefined && summary.targets > 1) lines.push(`      telpher retry ${deployment.id}   (only where it did not succeed)`)
  return `${lines.join('\n')}\n`
}
