import { setTimeout as pause } from 'node:timers/promises'
import type { CheckReport } from '../model/check.ts'
import { TelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
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
  const { id, waitsFor } = await client.startCheck(name)
  if (waitsFor !== undefined) cli.say(`waiting: ${waitsFor}`)
  for (const end = performance.now() + patienceMs; ; await pause(100)) {
    const report = await client.check(name, id)
    if (report !== undefined) {
      await print(cli, report, () => reportText(report, cli))
      return report.ok ? exitCodes.ok : exitCodes.failed
    }
    if (performance.now() > end) {
      const why = waitsFor ?? 'its workers are busy or cannot reach Redis'
      cli.say(
        `${new TelpherError('target_timeout', `no worker has checked ${name} within ${patienceMs / 1000} s: ${why}`).message}\n  see: telpher worker list`,
      )
      return exitCodes.waitTimedOut
    }
  }
}
