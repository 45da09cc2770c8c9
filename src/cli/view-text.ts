import type { Detail } from '../client/http.ts'
import type { Job, StoredEvent } from '../model/deployment.ts'
import { shortImageId } from '../model/image.ts'
import { lossText } from '../model/loss.ts'
import type { Step } from '../model/step.ts'
import type { Attempt } from './attempts.ts'
import { wordOf } from './block.ts'
import type { Palette } from './color.ts'
import { table } from './output.ts'
import { safe, span } from './text.ts'

/** A package of a deployment, and whether the server could still deploy it. */
export interface PackageView {
  readonly sha256: string
  readonly steps: readonly string[]
  readonly stored: boolean
}

/** Everything that is known of a deployment. */
export interface View extends Detail {
  readonly packages: readonly PackageView[]
  readonly attempts: readonly Attempt[]
  /** What verdicts said besides success or failure. */
  readonly notes: readonly { readonly jobId: string; readonly note: string }[]
  /** Job id to the address of its log; that of the first run where the job was carried over. */
  readonly logs: Readonly<Record<string, string>>
}

export const notesIn = (events: readonly StoredEvent[]): View['notes'] =>
  events.flatMap((event) => (event.type === 'verdict' ? event.notes.map((note) => ({ jobId: event.jobId, note })) : []))

const at = (time: number | undefined): string => (time === undefined ? '' : new Date(time).toISOString())
const took = (from: number | undefined, to: number | undefined): string => (from === undefined || to === undefined ? '' : span(to - from))

const stepText = (step: Step): string => {
  const { kind, name, package: _package, ...fields } = step
  const said = Object.entries(fields)
    .filter(([, value]) => value !== undefined && JSON.stringify(value) !== '{}' && JSON.stringify(value) !== '[]')
    .map(([field, value]) => `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return safe(`  ${name}  ${kind}  ${said.join(' ')}`.trimEnd())
}

const failureText = (job: Job): string[] => {
  const { end, failure } = job
  if (end === undefined || job.status === 'succeeded' || job.status === 'skipped') return []
  return [
    `  ${job.step.name} → ${job.target}: ${end.sentence}${end.code === undefined ? '' : ` (${end.code})`}`,
    ...(failure?.chain ?? []).map(({ kind, name, message }) => `    because ${kind} ${name}: ${message}`),
    ...(failure?.lastLines ?? []).map((line) => `    | ${line}`),
  ].map(safe)
}

/** Of each lost attempt, who had it and what it wrote. */
const lossLines = ({ step, target, losses = [] }: Job): string[] =>
  losses.flatMap((loss) => [`  ${step.name} → ${target}: ${lossText(loss)}`, ...loss.wrote.map((write) => `    ${write}`)].map(safe))

const toolRows = (jobs: readonly Job[]): string[][] =>
  jobs.flatMap(({ step, target, tools }) =>
    tools === undefined
      ? []
      : [
          [
            `${step.name} → ${target}`,
            tools.image,
            tools.kubectl ?? '',
            tools.helm ?? '',
            tools.server ?? '',
            tools.imageId === undefined ? '' : shortImageId(tools.imageId),
          ],
        ],
  )

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', title, ...lines])
const indented = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)

const fact = (name: string, value: string | undefined): string[] =>
  value === undefined || value === '' ? [] : [`${`${name}:`.padEnd(12)}${safe(value)}`]

const logCommand = (id: string, job: Job): string =>
  job.carried === undefined
    ? `telpher logs ${id} --job ${job.jobId}`
    : `telpher logs ${job.carried.deploymentId} --job ${job.carried.jobId}`

/** A deployment in full, for people. */
export const viewText = (view: View, paint: Palette): string => {
  const { deployment, jobs, packages, attempts, notes } = view
  const { request, lineage, producer } = deployment
  const named = new Map(jobs.map((job) => [job.jobId, `${job.step.name} → ${job.target}`]))
  const jobRows = jobs.map((job) => [
    job.step.name,
    job.target,
    job.lock.namespace,
    job.carried === undefined ? wordOf(job.status) : 'carried',
    String(job.attempt),
    took(job.startedAt, job.endedAt),
    job.end?.sentence ?? (job.waitsFor === undefined ? '' : `waits: ${job.waitsFor}`),
  ])
  const attemptRows = attempts.map((one) => [
    named.get(one.jobId) ?? one.jobId,
    String(one.attempt),
    one.worker ?? '',
    at(one.startedAt),
    took(one.startedAt, one.endedAt),
    one.to === undefined ? 'goes on' : one.to !== 'admitted' ? wordOf(one.to) : one.sentence === undefined ? 'lost' : 'tried again',
  ])
  const packageRows = packages.map(({ sha256, steps, stored }) => [sha256, steps.join(','), stored ? 'kept' : 'expired'])
  return `${[
    `${deployment.id}  ${paint.bold(deployment.result ?? deployment.state)}`,
    ...fact('name', request.name),
    ...fact('producer', producer),
    ...fact('from', lineage === undefined ? undefined : `${lineage.kind} of ${lineage.of}`),
    ...fact('targets', deployment.targets.join(', ')),
    ...fact('tag', request.tag),
    ...fact('created', at(deployment.createdAt)),
    ...fact('started', at(deployment.startedAt)),
    ...fact('ended', at(deployment.endedAt)),
    ...fact('took', took(deployment.createdAt, deployment.endedAt)),
    ...section(
      'INPUTS',
      Object.entries(request.inputs ?? {}).map(([name, value]) => safe(`  ${name}=${value}`)),
    ),
    ...section('STEPS', request.steps.map(stepText)),
    ...section('PACKAGES', indented(table(['SHA-256', 'STEPS', 'STATE'], packageRows))),
    ...section('JOBS', indented(table(['STEP', 'TARGET', 'NAMESPACE', 'STATUS', 'ATTEMPT', 'TOOK', 'SAYS'], jobRows))),
    ...(attemptRows.length === 0
      ? []
      : section('ATTEMPTS', indented(table(['JOB', 'ATTEMPT', 'WORKER', 'STARTED', 'TOOK', 'ENDED'], attemptRows)))),
    ...(toolRows(jobs).length === 0
      ? []
      : section('TOOLS', indented(table(['JOB', 'IMAGE', 'KUBECTL', 'HELM', 'SERVER', 'ID'], toolRows(jobs))))),
    ...section('FAILURES', jobs.flatMap(failureText)),
    ...section('LOST', jobs.flatMap(lossLines)),
    ...section(
      'NOTES',
      notes.map(({ jobId, note }) => safe(`  ${named.get(jobId) ?? jobId}: ${note}`)),
    ),
    ...section(
      'LOGS',
      indented(
        table(
          ['JOB', 'COMMAND'],
          jobs.map((job) => [named.get(job.jobId) ?? '', logCommand(deployment.id, job)]),
        ),
      ),
    ),
  ].join('\n')}\n`
}
