import { randomBytes } from 'node:crypto'
import type { AuditEntry, AuditRecord } from '../../model/audit.ts'
import { type ChainMark, type ChainReport, type ChainSigner, markOf, verifyChain } from '../../model/auditchain.ts'
import type { Connection } from '../connection.ts'
import { auditKeys } from '../keys.ts'
import { untilThrough } from '../persist.ts'
import type { FixedDeployment } from '../records.ts'
import type { StoreLimits } from '../types.ts'
import { idAfter, linkPage, linkPages, readCheckpoints, readEnds, recordOf, timeOf } from './chain.ts'
import { createOutboxes } from './outboxes.ts'
import { createSealer } from './seal.ts'
import type { Audit, AuditQuery } from './types.ts'

/** Records that are looked at in one go, and for one answer. */
const pageSize = 1000
const mostRead = 20_000

const list = async (connection: Connection, query: AuditQuery): Promise<{ records: AuditRecord[]; next?: string }> => {
  const { limit, cursor, order = 'newest', recordedSince, matches } = query
  const newest = order === 'newest'
  const since = recordedSince === undefined ? '-' : `${Math.max(0, Math.floor(recordedSince))}`
  const records: AuditRecord[] = []
  let beyond = cursor
  for (let read = 0; read < mostRead; ) {
    const count = matches === undefined ? Math.min(limit - records.length + 1, pageSize) : pageSize
    const links = await linkPage(connection, {
      from: newest || beyond === undefined ? since : `(${beyond}`,
      to: newest && beyond !== undefined ? `(${beyond}` : '+',
      newest,
      count,
    })
    for (const link of links) {
      const record = recordOf(link)
      if (matches?.(record) === false) continue
      if (records.length === limit) return { records, next: records.at(-1)?.id ?? link.id }
      records.push(record)
    }
    read += links.length
    beyond = links.at(-1)?.id
    if (beyond === undefined || links.length < count) return { records }
  }
  return beyond === undefined ? { records } : { records, next: beyond }
}

const verifyOnce = async (
  connection: Connection,
  signer: Pick<ChainSigner, 'verify'>,
  seen: readonly Pick<ChainMark, 'n' | 'hash'>[],
): Promise<{ readonly ok: boolean; readonly base: number | undefined; readonly report: ChainReport }> => {
  const { head, base } = await readEnds(connection)
  const isThere = ({ n }: { readonly n: number }): boolean => n <= (head?.n ?? Number.POSITIVE_INFINITY)
  /** What is recorded while it is read is left for the next look. */
  const links = async function* () {
    for await (const page of linkPages(connection)) yield page.filter(isThere)
  }
  const checkpoints = (await readCheckpoints(connection)).filter(isThere)
  const report = await verifyChain({ links: links(), base, head, checkpoints, seen }, signer)
  return { ok: report.ok, base: base?.n, report }
}

/** The newest checkpoint before which nothing is to be kept. */
const lastToGo = (checkpoints: readonly ChainMark[], head: ChainMark, limits: StoreLimits, now: number): ChainMark | undefined =>
  checkpoints.findLast(({ n, id }) => n <= head.n - limits.auditRecords || timeOf(id) <= now - limits.auditMs)

/**
 * The record of who did what. Entries come in through a stream that every process may append to, and through the outboxes of
 * deployments, which their ledgers fill; one server at a time gives them their places in a chain of hashes, whose end it signs.
 * @param onSealed told what has its place, once or more
 */
export const createAudit = (
  connection: Connection,
  limits: StoreLimits,
  fixed: (id: string) => Promise<FixedDeployment>,
  onSealed: (entries: readonly AuditEntry[]) => Promise<void>,
): Audit => {
  const outboxes = createOutboxes(connection, fixed)
  return {
    append: async (...entries) => {
      if (entries.length === 0) return
      const args = entries.flatMap((entry) => [randomBytes(9).toString('base64url'), JSON.stringify(entry)])
      await untilThrough(() => connection.script('append-audit', [auditKeys.inbox], args), { signal: connection.closed })
    },
    list: (query) => list(connection, query),
    ...createSealer(connection, outboxes, onSealed),
    isSealed: async () => (await connection.call((redis) => redis.xlen(auditKeys.inbox))) === 0 && (await outboxes.isEmpty()),
    trim: async (signer) => {
      const { head, base, baseText } = await readEnds(connection)
      if (head === undefined) return 0
      const last = lastToGo(await readCheckpoints(connection), head, limits, Date.now())
      if (last === undefined || last.n <= (base?.n ?? 0)) return 0
      const args = [baseText, JSON.stringify(markOf('base', last, signer)), idAfter(last.id), `${last.n + 1}-0`]
      return Number(await connection.script('trim-audit', [auditKeys.marks, auditKeys.chain, auditKeys.checkpoints], args))
    },
    verify: async (signer, seen = []) => {
      for (let tries = 1; ; tries++) {
        const report = await verifyOnce(connection, signer, seen)
        // What the retention removed while it was read is not missing.
        if (report.ok || tries === 3 || (await readEnds(connection)).base?.n === report.base) return report.report
      }
    },
    head: async () => (await readEnds(connection)).head,
  }
}
