import type { Command } from 'commander'
import type { LogLine } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Client } from './client.ts'
import { clientOf, flagsOf } from './context.ts'
import { plain } from './output.ts'

interface LogFlags {
  readonly follow?: boolean
  readonly job?: string
}

const write = (line: LogLine, format: string, several: string): void => {
  if (format === 'table') process.stdout.write(`${several}${line.stream === 'system' ? '· ' : ''}${plain(line.text)}\n`)
  else process.stdout.write(`${JSON.stringify(line)}\n`)
}

const linesOf = async (client: Client, id: string, jobId: string, follow: boolean): Promise<AsyncIterable<LogLine> | Iterable<LogLine>> =>
  follow ? client.followLog(id, jobId) : client.log(id, jobId)

/** `telpher logs DEPLOYMENT`: the output of its jobs, one after the other. @returns the exit code */
export const runLogs = async (id: string, flags: LogFlags, command: Command): Promise<number> => {
  const client = clientOf(command)
  const { output } = flagsOf(command)
  const { jobs } = await client.deployment(id)
  const chosen =
    flags.job === undefined
      ? jobs
      : jobs.filter((job) => job.jobId === flags.job || job.target === flags.job || job.step.name === flags.job)
  if (chosen.length === 0) throw new TelpherError('usage', `${id} has no job, step or target ${flags.job}`, { field: 'job' })
  if (output === 'json' || output === 'yaml') {
    const all = await Promise.all(
      chosen.map(async (job) => ({ jobId: job.jobId, step: job.step.name, target: job.target, lines: await client.log(id, job.jobId) })),
    )
    const { print } = await import('./output.ts')
    print(output, all, () => '')
    return 0
  }
  for (const job of chosen) {
    const several = chosen.length > 1 && output === 'table' ? `[${job.step.name} → ${job.target}] ` : ''
    for await (const line of await linesOf(client, id, job.jobId, flags.follow === true)) write(line, output, several)
  }
  return 0
}
