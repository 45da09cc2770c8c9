import type { Client } from '../../client/http.ts'
import type { AuditRecord } from '../../model/audit.ts'

/** The most records that the server gives in one answer. */
const pageSize = '1000'

/** All records that are asked for, the oldest first, a page at a time. */
export async function* auditPages(
  client: Pick<Client, 'audit'>,
  filters: Readonly<Record<string, string>>,
  after?: string,
): AsyncGenerator<readonly AuditRecord[]> {
  for (let cursor = after; ; ) {
    const page = await client.audit({ ...filters, order: 'oldest', limit: pageSize, ...(cursor === undefined ? {} : { cursor }) })
    if (page.records.length > 0) yield page.records
    if (page.next === undefined) return
    cursor = page.next
  }
}
