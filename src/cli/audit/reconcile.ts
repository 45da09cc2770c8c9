import type { Client } from '../../client/http.ts'
import type { LogLine } from '../../model/auditlog.ts'
import { parseLogLine } from '../../model/auditlog.ts'
import { TelpherError } from '../../model/errors.ts'
import { createReconciler, type Reconciliation, type Unexplained } from '../../model/reconcile.ts'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print, table } from '../output.ts'
import { safe } from '../text.ts'
import { ownAccounts } from './accounts.ts'
import { linesOf } from './log.ts'
import { auditPages } from './pages.ts'
import { actOf, objectText, whenText } from './row.ts'

interface ReconcileFlags {
  readonly target?: string
}

interface BadLine {
  readonly line: number
  readonly says: string
}

/** What is wrong with more lines than this is not said one by one. */
const mostBad = 20
/** What began before the log may end in it, in ms: no attempt writes for longer. */
const lookbackMs = 86_400_000

/** Good lines of a log with their numbers; what is wrong with others is told. */
async function* goodLines(cli: Cli, file: string, onBad: (bad: BadLine) => void): AsyncGenerator<LogLine & { readonly line: number }> {
  for await (const { number: line, text } of linesOf(cli, file)) {
    try {
      if (text === undefined) throw new Error('it is longer than 16 MiB')
      const parsed = parseLogLine(text)
      if (parsed !== undefined) yield { ...parsed, line }
    } catch (thrown) {
      onBad({ line, says: thrown instanceof Error ? thrown.message : String(thrown) })
    }
  }
}

const hold = async (
  client: Client,
  lines: AsyncGenerator<LogLine & { readonly line: number }>,
  target: string | undefined,
): Promise<Reconciliation | undefined> => {
  const first = await lines.next()
  if (first.done === true) return undefined
  if (target !== undefined) await client.target(target)
  const reconciler = createReconciler(await ownAccounts(client), target)
  // The record first: what the log has is then explained as it comes, and only what is not is kept.
  for await (const page of auditPages(client, { since: String(Math.max(0, first.value.at - lookbackMs)) }))
    for (const record of page) reconciler.addRecord(record)
  const take = ({ at, writes, line }: LogLine & { readonly line: number }): void => {
    reconciler.sawTime(at)
    for (const write of writes) reconciler.addWrite(write, line)
  }
  take(first.value)
  for await (const line of lines) take(line)
  return reconciler.end()
}

const because: Readonly<Record<Unexplained['by'], string>> = { account: 'our account', token: 'our token', mark: 'the mark of our job' }

const strangerRow = (one: Unexplained): string[] => [
  String(one.line),
  whenText(one.at),
  because[one.by],
  one.username,
  one.verb,
  objectText(one),
  String(one.code),
  one.credentialId ?? '',
  one.auditId,
]

const textOf = (report: Reconciliation, paint: Cli['paint']): string => {
  const { writes, ours, byAuditId, byTime, lost, before, unexplained, unexplainedCount, missing, missingCount, from = 0, to = 0 } = report
  const isClean = unexplainedCount === 0 && missingCount === 0
  const lines = [
    `${writes} writes from ${whenText(from)} to ${whenText(to)}, ${ours} of them ours: ${byAuditId} recorded, ${byTime} recorded without an answer or sent again, ${lost} of attempts lost with their worker, ${before} of the set-up of a target`,
  ]
  if (isClean) lines.push(paint.green('Nothing is unexplained, and nothing of ours is missing.'))
  if (unexplainedCount > 0)
    lines.push(
      paint.red(`${unexplainedCount} writes that nothing of ours explains:`),
      table(['LINE', 'WHEN', 'BY', 'USER', 'VERB', 'OBJECT', 'CODE', 'TOKEN', 'AUDIT-ID'], unexplained.map(strangerRow)).trimEnd(),
    )
  if (missingCount > 0)
    lines.push(
      paint.yellow(`${missingCount} records of ours that the log does not have:`),
      table(
        ['RECORD', 'WHEN', 'TARGET', 'DID', 'OBJECT', 'ENDED', 'AUDIT-ID'],
        missing.map((record) => {
          const { did, to: object, ended } = actOf({ ...record, id: '', hash: '' })
          return [String(record.n), whenText(record.at), record.target ?? '', did, object, ended, record.auditId ?? '']
        }),
      ).trimEnd(),
    )
  return `${lines.join('\n')}\n`
}

/** `telpher audit reconcile FILE`: writes by our identities that nothing of ours explains, and records of ours that the cluster does not have. */
export const runAuditReconcile: Command<ReconcileFlags> = async (cli, [file = ''], { target }) => {
  let badCount = 0
  const bad: BadLine[] = []
  const lines = goodLines(cli, file, (one) => {
    badCount++
    if (bad.length < mostBad) bad.push(one)
  })
  const report = await hold(await cli.client(), lines, target)
  for (const { line, says } of bad) cli.say(safe(`${file}:${line}: ${says}`))
  if (badCount > bad.length) cli.say(`and ${badCount - bad.length} more lines that cannot be read`)
  if (report === undefined)
    throw new TelpherError('audit_log', badCount === 0 ? `${file} is empty` : `no line of ${file} is an event of an audit log`, {
      field: file,
    })
  await print(cli, { ...report, badLines: badCount }, () => textOf(report, cli.paint))
  const isClean = report.unexplainedCount === 0 && report.missingCount === 0 && badCount === 0
  return isClean ? exitCodes.ok : exitCodes.failed
}
