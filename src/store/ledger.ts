import type { JobRef } from '../model/deployment.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { Connection } from './connection.ts'
import { auditKeys, deploymentKeys, jobKeys } from './keys.ts'
import { untilThrough } from './persist.ts'
import type { JobLedger, StoreLimits } from './types.ts'

/** The ledger of one job. An entry has its place by attempt and number: storing it twice changes nothing. */
export const createLedger = (connection: Connection, limits: StoreLimits, ref: JobRef): JobLedger => {
  const key = jobKeys(ref).ledger
  const { outbox } = deploymentKeys(ref.deploymentId)
  return {
    append: async (entries) => {
      if (entries.length === 0) return
      const args = [limits.deploymentMs, ref.jobId, ...entries.flatMap((entry) => [`${entry.attempt}:${entry.n}`, JSON.stringify(entry)])]
      await untilThrough(
        // The mark goes after the entries, so that whoever sees it finds them, and in one go with them, so that it costs no time.
        () =>
          Promise.all([
            connection.script('append-ledger', [key, outbox], args),
            connection.script('mark-audit', [auditKeys.due], [ref.deploymentId]),
          ]),
        { signal: connection.closed },
      )
    },
    read: async () => {
      const texts = await connection.call((redis) => redis.hvals(key))
      return texts.map((text) => JSON.parse(text) as LedgerEntry).sort((a, b) => a.attempt - b.attempt || a.n - b.n)
    },
  }
}
