import type { Client } from '../../client/http.ts'
import type { AuditRecord } from '../../model/audit.ts'
import type { Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { wholeNumber } from '../number.ts'
import { print, table } from '../output.ts'
import { quoted } from '../text.ts'
import { type FilterFlags, filtersOf } from './filters.ts'
import { actOf, whenText } from './row.ts'

interface ListFlags extends FilterFlags {
  readonly limit: string
  readonly cursor?: string
}

/** A page of few matches is asked for again: the server looks at 20,000 records for one answer. */
const mostAsks = 500

const read = async (client: Client, limit: number, cursor: string | undefined, filters: Record<string, string>) => {
  const records: AuditRecord[] = []
  let next = cursor
  for (let asks = 0; asks < mostAsks; asks++) {
    const page = await client.audit({ ...filters, limit: String(limit - records.length), ...(next === undefined ? {} : { cursor: next }) })
    records.push(...page.records)
    next = page.next
    if (next === undefined || records.length >= limit) break
  }
  return { records, next }
}

const rowOf = (record: AuditRecord): string[] => {
  const { did, to, ended } = actOf(record)
  return [String(record.n), whenText(record.at), record.who, record.target ?? '', did, to, ended]
}

const nextCommand = ({ cursor: _, ...flags }: ListFlags, next: string): string => {
  const words = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name} ${quoted(String(value))}`]))
  return ['telpher audit list', ...words, `--cursor ${next}`].join(' ')
}

/** `telpher audit list`: who did what, the newest first. */
export const runAuditList: Command<ListFlags> = async (cli, _, flags) => {
  const limit = wholeNumber('--limit', flags.limit, 1000)
  const { records, next } = await read(await cli.client(), limit, flags.cursor, filtersOf(flags, Date.now()))
  const rows = records.map(rowOf)
  await print(cli, records, () => (rows.length === 0 ? '' : table(['RECORD', 'WHEN', 'WHO', 'TARGET', 'DID', 'TO', 'ENDED'], rows)))
  if (rows.length === 0 && next === undefined) cli.say('There are no such records.')
  if (next !== undefined) cli.say(`There are more: ${nextCommand(flags, next)}`)
  return exitCodes.ok
}
