import type { AuditRecord } from '../../model/audit.ts'
import type { Cli, Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { yamlOf } from '../output.ts'
import { type FilterFlags, filtersOf } from './filters.ts'
import { auditPages } from './pages.ts'

interface Framing {
  readonly begin: string
  /** @param isFirst of all */
  page(records: readonly AuditRecord[], isFirst: boolean): Promise<string> | string
  end(isEmpty: boolean): string
}

/** How records are written one page after another, without one of them being kept. */
const framings: Readonly<Record<Cli['format'], Framing>> = {
  table: { begin: '', page: (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(''), end: () => '' },
  jsonl: { begin: '', page: (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(''), end: () => '' },
  json: {
    begin: '[',
    page: (records, isFirst) =>
      records.map((record, index) => `${isFirst && index === 0 ? '\n' : ',\n'}${JSON.stringify(record)}`).join(''),
    end: () => '\n]\n',
  },
  yaml: { begin: '', page: (records) => yamlOf(records), end: (isEmpty) => (isEmpty ? '[]\n' : '') },
}

/** `telpher audit export`: every record that is asked for, the oldest first, one a line. */
export const runAuditExport: Command<FilterFlags> = async (cli, _, flags) => {
  const framing = framings[cli.format]
  let isEmpty = true
  const filters = filtersOf(flags, Date.now())
  const pages = auditPages(await cli.client(), filters)
  // An answer that cannot be had is said before anything is written.
  const first = await pages.next()
  cli.stdout.write(framing.begin)
  for (let page = first; page.done !== true; page = await pages.next()) {
    cli.stdout.write(await framing.page(page.value, isEmpty))
    isEmpty = false
    await cli.stdout.drained?.()
  }
  cli.stdout.write(framing.end(isEmpty))
  return exitCodes.ok
}
