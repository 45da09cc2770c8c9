import type { Detail } from '../client/http.ts'
import type { Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isActive, isTerminal } from '../model/states.ts'
import { summaryOf, summaryText } from '../model/summary.ts'
import { wordOf } from './block.ts'
import type { Cli, Command } from './context.ts'
import { endText } from './ending.ts'
import { exitCodes } from './exit.ts'
import { follow } from './follow.ts'
import { showPage } from './list.ts'
import { print, table } from './output.ts'
import { timeoutOf } from './seconds.ts'

interface StatusFlags {
  readonly limit: string
  readonly cursor?: string
  readonly wait?: boolean
  readonly timeout?: string
}

/** More rows are no table any more: those at work and those that did not succeed stay, the rest is counted. */
const mostRows = 30

const isTelling = ({ status }: Job): boolean => isActive(status) || (isTerminal(status) && status !== 'succeeded' && status !== 'skipped')

const detailText = (detail: Detail, cli: Cli, seen?: (jobId: string) => readonly string[]): string => {
  const { deployment, jobs } = detail
  if (deployment.state === 'finished') return endText(detail, cli.paint, seen)
  const shown = jobs.length <= mostRows ? jobs : jobs.filter(isTelling).slice(0, mostRows)
  const rows = shown.map((job) => [
    job.step.name,
    job.target,
    wordOf(job.status),
    String(job.attempt),
    job.end?.sentence ?? (job.waitsFor === undefined ? '' : `waits: ${job.waitsFor}`),
  ])
  const summary = summaryOf(jobs)
  const left = jobs.length - shown.length
  return [
    `${deployment.id}  ${deployment.state}`,
    ...(summary.targets > 1 ? [summaryText(summary)] : []),
    table(['STEP', 'TARGET', 'STATUS', 'ATTEMPT', 'SAYS'], rows).trimEnd(),
    ...(left > 0 ? [`and ${left} more that wait, succeeded or were skipped: telpher view ${deployment.id}`] : []),
    '',
  ].join('\n')
}

const showOne = async (cli: Cli, id: string, flags: StatusFlags): Promise<number> => {
  const client = await cli.client()
  const detail = await client.deployment(id)
  if (flags.wait !== true) {
    await print(cli, { ...detail, summary: summaryOf(detail.jobs) }, () => detailText(detail, cli))
    return exitCodes.ok
  }
  const followed = await follow(cli, client, detail, timeoutOf(flags))
  await print(cli, { ...followed.detail, summary: summaryOf(followed.detail.jobs) }, () => detailText(followed.detail, cli, followed.seen))
  return followed.code
}

const showLast = async (cli: Cli, flags: StatusFlags): Promise<number> => {
  const code = await showPage(cli, flags, 'telpher status')
  for (const warning of (await (await cli.client()).store()).warnings) cli.say(`Warning: ${warning}.`)
  return code
}

/** `telpher status [DEPLOYMENT]`: one deployment, or the last ones. */
export const runStatus: Command<StatusFlags> = (cli, [id], flags) => {
  if (id === undefined && flags.wait === true)
    throw new TelpherError('usage', '--wait follows one deployment: name it', { field: '--wait' })
  return id === undefined ? showLast(cli, flags) : showOne(cli, id, flags)
}
