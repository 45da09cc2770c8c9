import type { Client } from '../client/http.ts'
import { harmless } from '../credentials/harmless.ts'
import type { Job, LogLine } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { wholeNumber } from './number.ts'
import { print } from './output.ts'
import { safe } from './text.ts'

interface LogFlags {
  readonly follow?: boolean
  readonly job?: string
  readonly raw?: boolean
  readonly from?: string
  readonly tail?: string
  readonly search?: string
}

const titleOf = (job: Job): string => `${job.step.name} → ${job.target}`

const choose = (jobs: readonly Job[], id: string, wanted: string | undefined): readonly Job[] => {
  if (wanted === undefined) return jobs
  const chosen = jobs.filter((job) => job.jobId === wanted || job.target === wanted || job.step.name === wanted)
  if (chosen.length > 0) return chosen
  throw new TelpherError('usage', `--job ${wanted}: ${id} has no such job, step or target; it has ${jobs.map(titleOf).join(', ')}`, {
    field: '--job',
  })
}

/** How a line looks: with its job where there are several; what Telpher itself says is set apart. */
const writerFor = (cli: Cli, chosen: readonly Job[]) => (job: Job, line: LogLine) => {
  if (cli.format === 'jsonl') return cli.stdout.write(`${JSON.stringify({ jobId: job.jobId, ...line })}\n`)
  const before = chosen.length > 1 ? cli.paint.cyan(`[${safe(titleOf(job))}] `) : ''
  // Colours of the job's own output are kept where colours are wanted; nothing else in it is obeyed.
  const text = cli.paint.enabled ? harmless(line.text) : safe(line.text)
  cli.stdout.write(
    `${before}${line.stream === 'system' ? cli.paint.dim(`· ${safe(line.text)}`) : text}${cli.paint.enabled ? '\x1b[0m' : ''}\n`,
  )
}

const followAll = async (cli: Cli, client: Client, id: string, chosen: readonly Job[]): Promise<number> => {
  const leaving = new AbortController()
  const leave = (): void => leaving.abort()
  const write = writerFor(cli, chosen)
  const onCut = (): void => cli.say('the connection to the server was cut; trying again')
  const read = async (job: Job): Promise<void> => {
    for await (const line of client.followLog(id, job.jobId, { signal: leaving.signal, onCut })) write(job, line)
  }
  process.once('SIGINT', leave).once('SIGTERM', leave)
  try {
    await Promise.all(chosen.map(read))
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave)
  }
  if (!leaving.signal.aborted) return exitCodes.ok
  cli.say(
    `left the log of ${id}; the deployment goes on.\n  follow it again: telpher logs ${id} -f\n  end it:          telpher cancel ${id}`,
  )
  return exitCodes.interrupted
}

/** Bytes as they are for a file or a pipe; a terminal is never given what it would obey. */
const writeRaw = async (cli: Cli, client: Client, id: string, chosen: readonly Job[]): Promise<void> => {
  for (const job of chosen) {
    const decoder = new TextDecoder()
    for await (const chunk of await client.rawLog(id, job.jobId)) {
      const text = decoder.decode(chunk, { stream: true })
      cli.stdout.write(cli.stdout.isTTY ? text.split('\n').map(harmless).join('\n') : text)
    }
  }
}

type ReadLines = (job: Job) => Promise<readonly LogLine[]>

/** How the lines of a job are asked for. @throws TelpherError usage when the flags do not go together */
const readerFor = (cli: Cli, client: Client, id: string, flags: LogFlags): ReadLines => {
  const from = wholeNumber('--from', flags.from, Number.MAX_SAFE_INTEGER)
  const tail = wholeNumber('--tail', flags.tail, 10_000)
  const given = [from, tail, flags.search].filter((value) => value !== undefined).length
  if (given > 1 || (given > 0 && (flags.follow === true || flags.raw === true)))
    throw new TelpherError('usage', 'give one of --from, --tail, --search, --follow and --raw', { field: '--from' })
  const { search } = flags
  if (search === undefined)
    return (job) => client.log(id, job.jobId, { ...(from === undefined ? {} : { from }), ...(tail === undefined ? {} : { tail }) })
  return async (job) => {
    const { matches, lines } = await client.searchLog(id, job.jobId, search)
    cli.say(`${titleOf(job)}: ${matches} ${matches === 1 ? 'line matches' : 'lines match'}`)
    if (lines.length < matches) cli.say(`only the first ${lines.length} are shown`)
    return lines
  }
}

/** `telpher logs DEPLOYMENT`: the output of its jobs, one after the other; as it comes with `--follow`. */
export const runLogs: Command<LogFlags> = async (cli, [id = ''], flags) => {
  const isDocument = cli.format === 'json' || cli.format === 'yaml'
  if (flags.follow === true && (isDocument || flags.raw === true))
    throw new TelpherError('usage', `--follow never ends as one document: use -o jsonl, or leave it out`, { field: '--follow' })
  const client = await cli.client()
  const linesOf = readerFor(cli, client, id, flags)
  const chosen = choose((await client.deployment(id)).jobs, id, flags.job)
  if (flags.follow === true) return followAll(cli, client, id, chosen)
  if (flags.raw === true) {
    await writeRaw(cli, client, id, chosen)
    return exitCodes.ok
  }
  if (isDocument) {
    const logs: object[] = []
    for (const job of chosen) logs.push({ jobId: job.jobId, step: job.step.name, target: job.target, lines: await linesOf(job) })
    await print(cli, logs, () => '')
    return exitCodes.ok
  }
  const write = writerFor(cli, chosen)
  for (const job of chosen) for (const line of await linesOf(job)) write(job, line)
  return exitCodes.ok
}
