import type { AuditRecord } from '../../model/audit.ts'
import { TelpherError } from '../../model/errors.ts'
import type { Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print } from '../output.ts'
import { safe } from '../text.ts'
import { auditPages } from './pages.ts'
import { actOf, whenText } from './row.ts'

const lineOf = (record: AuditRecord): string => {
  const { did, to, ended } = actOf(record)
  const ids = 'auditId' in record && record.auditId !== undefined ? `  audit-id ${record.auditId}` : ''
  return `${whenText(record.at)}  ${[did, to].filter((part) => part !== '').join(' ')}: ${ended}${ids}`
}

const groupOf = (record: AuditRecord, steps: ReadonlyMap<string, string>): string => {
  if (record.jobId === undefined) return ''
  const attempt = record.attempt === undefined ? '' : `, attempt ${record.attempt}`
  return `${steps.get(record.jobId) ?? 'step'} at ${record.target ?? 'its target'}${attempt}`
}

/** The tokens of an attempt, as its records name them. */
const tokensOf = (records: readonly AuditRecord[]): string =>
  [...new Set(records.flatMap((record) => (record.type === 'write' ? [record.credentialId] : [])))].join(', ')

/** Records of one deployment for people: what was asked, then each step, target and attempt with what it did, in order of time. */
export const showText = (id: string, records: readonly AuditRecord[]): string => {
  const steps = new Map(
    records.flatMap((record) => (record.type === 'write' && record.jobId !== undefined ? [[record.jobId, record.step ?? 'step']] : [])),
  )
  const groups = Map.groupBy(
    records.toSorted((a, b) => a.at - b.at || a.n - b.n),
    (record) => groupOf(record, steps),
  )
  const whole = groups.get('') ?? []
  const lines = [id, ...whole.map((record) => `  ${lineOf(record)}, by ${record.who}`)]
  for (const [title, members] of [...groups].filter(([name]) => name !== '')) {
    const tokens = tokensOf(members)
    lines.push('', `${title}${tokens === '' ? '' : `, with ${tokens}`}`, ...members.map((record) => `  ${lineOf(record)}`))
  }
  return `${safe(lines.join('\n'))}\n`
}

/** `telpher audit show DEPLOYMENT`: everything that one deployment did, by step, target and attempt. */
export const runAuditShow: Command<object> = async (cli, [id = '']) => {
  const records: AuditRecord[] = []
  for await (const page of auditPages(await cli.client(), { deployment: id })) records.push(...page)
  if (records.length === 0)
    throw new TelpherError('unknown_deployment', `the record of who did what has nothing of a deployment ${id.slice(0, 64)}`)
  await print(cli, records, () => showText(id, records))
  return exitCodes.ok
}
