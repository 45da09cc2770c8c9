import type { CheckReport } from '../model/check.ts'
import { alarmLines, useLines } from './account.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { runLadderOf } from './ladder.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'
import { safe, widthOf } from './text.ts'

const marks = { ok: '✓', warn: '!', failed: '✗', skipped: '–' } as const

/** The ladder, a rung a line; what to do about one stands below it. */
const reportText = (report: CheckReport, { paint }: Cli): string => {
  const looks = { ok: paint.green, warn: paint.yellow, failed: paint.red, skipped: paint.dim } as const
  const names = report.lines.map((line) => safe(`${line.rung}  ${line.subject}`))
  const width = Math.max(0, ...names.map(widthOf))
  const lines = report.lines.flatMap((line, at) => {
    const name = names[at] ?? ''
    const text = `${looks[line.status](marks[line.status])} ${name}${' '.repeat(width - widthOf(name))}  ${String(Math.round(line.ms)).padStart(5)} ms  ${safe(line.message)}`
    return line.fix === undefined ? [text] : [text, `    ${paint.bold('fix:')} ${safe(line.fix)}`]
  })
  const version = report.serverVersion === undefined ? '' : `, Kubernetes ${safe(report.serverVersion)}`
  return `${safe(report.target)}: ${report.ok ? paint.green('ok') : paint.red('not ok')}, seen from worker ${safe(report.worker)}${version}\n${lines.join('\n')}\n`
}

/** `telpher target check NAME`: runs in a worker of the target's pool. */
export const runTargetCheck: Command<{ readonly timeout: string }> = async (cli, [name = ''], flags) => {
  const patienceMs = seconds(flags.timeout, '--timeout') * 1000
  const client = await cli.client()
  const { report, why } = await runLadderOf(client, name, patienceMs, (reason) => cli.say(`waiting: ${reason}`))
  if (report !== undefined) {
    await print(cli, report, () => reportText(report, cli))
    const account = await client.account(name)
    const uses = useLines(account, Date.now())
    for (const line of uses.length === 0 ? ['its account was not used yet but to try it'] : uses) cli.say(`${safe(name)}: ${line}`)
    for (const line of alarmLines(account, cli)) cli.say(line)
    return report.ok ? exitCodes.ok : exitCodes.failed
  }
  cli.say(`no worker has checked ${name} within ${patienceMs / 1000} s: ${why}\n  see: telpher worker list`)
  return exitCodes.waitTimedOut
}
