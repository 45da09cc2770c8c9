import type { Client } from '../client/http.ts'
import { checksOf, reportOf } from '../doctor/finding.ts'
import { judgeNoServer } from '../doctor/server.ts'
import type { CheckStatus, DoctorCheck, DoctorReport } from '../model/doctor.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes, exitOfError } from './exit.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'
import { safe, widthOf } from './text.ts'

interface DoctorFlags {
  readonly pre?: boolean
  readonly server?: boolean
  readonly target?: readonly string[]
  readonly timeout: string
}

const marks = { ok: '✓', warn: '!', fail: '✗', skip: '–' } as const

/** A check a line; why one that is not well matters and what to do about it stand below it. */
export const reportText = ({ checks, summary }: DoctorReport, { paint }: Pick<Cli, 'paint'>): string => {
  const looks = { ok: paint.green, warn: paint.yellow, fail: paint.red, skip: paint.dim } as const
  const names = checks.map(({ id, subject }) => safe(subject === undefined ? id : `${id}  ${subject}`))
  const width = Math.max(0, ...names.map(widthOf))
  const lines = checks.flatMap(({ status, seen, why, fix, ms }, at) => {
    const name = names[at] ?? ''
    const first = `${looks[status](marks[status])} ${name}${' '.repeat(width - widthOf(name))}  ${String(ms).padStart(5)} ms  ${safe(seen)}`
    return fix === undefined ? [first] : [first, `    ${paint.dim(safe(why))}`, `    ${paint.bold('fix:')} ${safe(fix)}`]
  })
  const count = (status: CheckStatus, word: string): string[] => (summary[status] === 0 ? [] : [`${summary[status]} ${word}`])
  const all = [...count('fail', 'failed'), ...count('warn', 'to be looked at'), ...count('ok', 'ok'), ...count('skip', 'skipped')]
  return `${lines.join('\n')}\n${(summary.fail > 0 ? paint.red : paint.green)(all.join(', '))}\n`
}

/** What is asked of a server; one that is not there is a finding too. @returns with the exit code of that finding */
const withServer = async (cli: Cli, ask: (client: Client) => Promise<DoctorCheck[]>): Promise<{ checks: DoctorCheck[]; exit?: number }> => {
  const began = performance.now()
  try {
    return { checks: await ask(await cli.client()) }
  } catch (thrown) {
    if (!(thrown instanceof TelpherError) || !['server_unreachable', 'unauthorized'].includes(thrown.code)) throw thrown
    const checks = checksOf(Math.round(performance.now() - began), [judgeNoServer(thrown.message, thrown.hint)])
    return { checks, exit: exitOfError(thrown.code) }
  }
}

/** Without a word of what to look at: the server where one is named or found, else this machine. */
const chosen = async (cli: Cli, { pre = false, server = false, target = [] }: DoctorFlags): Promise<{ pre: boolean; server: boolean }> => {
  if (pre || server || target.length > 0) return { pre, server }
  const isThere = await cli.client().then(
    () => true,
    (thrown: unknown) => !(thrown instanceof TelpherError && thrown.code === 'server_unreachable'),
  )
  if (!isThere) cli.say('No server is named or found: this machine is looked at, as with --pre.')
  return { pre: !isThere, server: isThere }
}

/** `telpher doctor`. */
export const runDoctor: Command<DoctorFlags> = async (cli, _args, flags) => {
  const patienceMs = seconds(flags.timeout, '--timeout') * 1000
  const { pre, server } = await chosen(cli, flags)
  const parts = await Promise.all([
    pre ? (await import('./doctor/pre.ts')).checkBefore(cli.env).then((checks) => ({ checks })) : { checks: [] },
    server || (flags.target ?? []).length > 0
      ? withServer(cli, async (client) => {
          const { checkServer, checkTarget } = await import('./doctor/server.ts')
          const targets = (flags.target ?? []).map((name) => checkTarget(client, name, patienceMs))
          return (await Promise.all([server ? checkServer(client) : [], ...targets])).flat()
        })
      : { checks: [] },
  ])
  const report = reportOf(parts.flatMap(({ checks }) => checks))
  await print(cli, report, () => reportText(report, cli))
  const exit = parts.map((part) => ('exit' in part ? part.exit : undefined)).find((code) => code !== undefined)
  return exit ?? (report.summary.fail > 0 ? exitCodes.failed : exitCodes.ok)
}
