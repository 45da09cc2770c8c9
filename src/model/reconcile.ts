import type { AuditCall, AuditRecord, AuditWrite } from './audit.ts'
import type { ClusterWrite } from './auditlog.ts'

/** A write in the cluster's log that nothing of ours explains, with its line. */
export interface Unexplained extends ClusterWrite {
  readonly line: number
  /** Why it is taken for one of ours. */
  readonly by: 'account' | 'token' | 'mark'
}

type OwnWrite = (AuditWrite | AuditCall) & Pick<AuditRecord, 'n'>

export interface Reconciliation {
  /** Writes in the log, and those of them that are of our identities. */
  readonly writes: number
  readonly ours: number
  readonly byAuditId: number
  /** Explained by a record of the same token, object and time, whose answer never came or which was sent more than once. */
  readonly byTime: number
  /** Of attempts that were lost with their worker, in the time in which nobody could see the answer. */
  readonly lost: number
  /** Of an account, before its target was added: its set-up. */
  readonly before: number
  /** The first thousand, and how many there are. */
  readonly unexplained: readonly Unexplained[]
  readonly unexplainedCount: number
  /** Records of ours that the log does not have, within its time. */
  readonly missing: readonly OwnWrite[]
  readonly missingCount: number
  /** Of the log, ms since the epoch; absent when it is empty. */
  readonly from?: number
  readonly to?: number
}

/** An account of ours, by the name that API servers give it. */
export interface OwnAccount {
  readonly username: string
  readonly target: string
  /** When its target was added, ms since the epoch. */
  readonly since: number
}

const mostListed = 1000
/** Clocks may differ by so much, and an answer takes its time, in ms. */
const skewMs = 5000
/** A worker proves its claim every 2 s and forwards nothing once it is 8 s old. */
const claimMs = 8000
const lookbackMs = 10_000
/** What an attempt leaves at the ends of the log's time is not looked for, in ms. */
const edgeMs = 2000

interface Spare {
  readonly from: number
  readonly to: number
  readonly name: string | undefined
  left: number
}

interface Loss {
  readonly renewedAt: number
  readonly target: string | undefined
  /** Tokens that may have been asked for without anybody having noted it. */
  mints: number
}

const sameObject = (one: Pick<ClusterWrite, 'verb' | 'group' | 'resource' | 'subresource' | 'namespace'>, credentialId: string): string =>
  [credentialId, one.verb, one.group, one.resource, one.subresource, one.namespace].join('\n')

const markOf = (userAgent: string): readonly [jobId: string, attempt: number] | undefined => {
  const [, jobId, attempt] = /(?:^| )telpher\/(job_[0-9A-Z]{26})\/(\d{1,6})(?: |$)/.exec(userAgent) ?? []
  return jobId === undefined ? undefined : [jobId, Number(attempt)]
}

/** The attempt whose Secret has this name. */
const attemptOfSecret = (name: string): readonly [jobId: string, attempt: number] | undefined => {
  const [, jobId, attempt] = /^telpher-(job-[0-9a-z]{26})-(\d{1,6})$/.exec(name) ?? []
  return jobId === undefined ? undefined : [jobId.toUpperCase().replace('JOB-', 'job_'), Number(attempt)]
}

/**
 * Holds the record of who did what against the audit log of an API server. First all records of the time are given, then the
 * writes of the log in any order: of these only what is not explained is kept.
 * @param accounts ours, where they are known by name
 * @param target only records of this one are looked for in the log
 */
export const createReconciler = (accounts: readonly OwnAccount[], target?: string) => {
  const byName = new Map(accounts.map((account) => [account.username, account]))
  const tokens = new Set<string>()
  const jobs = new Set<string>()
  const waiting = new Map<string, OwnWrite>()
  const known = new Set<string>()
  const spares = new Map<string, Spare[]>()
  const losses = new Map<string, Loss>()
  const seenTargets = new Set<string>(target === undefined ? [] : [target])
  const unexplained: Unexplained[] = []
  const counts = { writes: 0, ours: 0, byAuditId: 0, byTime: 0, lost: 0, before: 0, unexplainedCount: 0 }
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

  const addWrite = (record: OwnWrite): void => {
    tokens.add(record.credentialId)
    const { auditId, code, sends = 1, at, ms } = record
    if (auditId !== undefined) {
      waiting.set(auditId, record)
      known.add(auditId)
    }
    const left = auditId === undefined || code === 0 ? sends : sends - 1
    if (left === 0) return
    const key = sameObject({ subresource: '', namespace: '', ...record }, record.credentialId)
    spares.set(key, [...(spares.get(key) ?? []), { from: at - ms - skewMs, to: at + skewMs, name: record.name, left }])
  }

  /** A record that may have had more effects than the one whose answer came. */
  const spareFor = (write: ClusterWrite): Spare | undefined =>
    spares
      .get(sameObject(write, write.credentialId ?? ''))
      ?.find(
        ({ left, name, ...span }) =>
          left > 0 && (name === undefined || name === write.name) && write.from <= span.to && write.at >= span.from,
      )

  const inLoss = ({ renewedAt }: Loss, write: ClusterWrite): boolean =>
    write.at >= renewedAt - lookbackMs && write.from <= renewedAt + claimMs + skewMs

  /** Whether a worker may have died before it could say that it did this. */
  const isLost = (write: ClusterWrite): boolean => {
    const attempt = write.resource === 'secrets' ? (attemptOfSecret(write.name) ?? markOf(write.userAgent)) : markOf(write.userAgent)
    const loss = attempt === undefined ? undefined : losses.get(attempt.join('/'))
    if (loss !== undefined) return inLoss(loss, write)
    if (write.resource !== 'serviceaccounts' || write.subresource !== 'token') return false
    const of = byName.get(write.username)?.target
    const minting = [...losses.values()].find((one) => one.target === of && one.mints > 0 && inLoss(one, write))
    if (minting !== undefined) minting.mints--
    return minting !== undefined
  }

  const whose = (write: ClusterWrite): Unexplained['by'] | undefined => {
    if (byName.has(write.username)) return 'account'
    if (write.credentialId !== undefined && tokens.has(write.credentialId)) return 'token'
    const mark = markOf(write.userAgent)
    return mark !== undefined && jobs.has(mark[0]) ? 'mark' : undefined
  }

  const explain = (write: ClusterWrite): 'byAuditId' | 'byTime' | 'lost' | 'before' | undefined => {
    const spare = spareFor(write)
    if (spare !== undefined) {
      spare.left--
      return 'byTime'
    }
    if (isLost(write)) return 'lost'
    const since = byName.get(write.username)?.since
    // With the same token that is stored in the end, so that the time alone tells.
    return since !== undefined && write.at < since + skewMs ? 'before' : undefined
  }

  return {
    addRecord(record: AuditRecord): void {
      if (record.jobId !== undefined) jobs.add(record.jobId)
      if (record.type === 'write' || record.type === 'call') addWrite(record)
      else if (record.type === 'credential' && record.credentialId !== undefined) tokens.add(record.credentialId)
      else if (record.type === 'attempt') {
        const renewedAt = Number(record.detail?.['renewedAt'] ?? record.at)
        losses.set(`${record.jobId}/${record.attempt}`, { renewedAt, target: record.target, mints: 1 })
      }
    },
    addWrite(write: ClusterWrite, line: number): void {
      counts.writes++
      const record = waiting.get(write.auditId)
      if (record !== undefined) {
        waiting.delete(write.auditId)
        if (record.target !== undefined) seenTargets.add(record.target)
        counts.ours++
        counts.byAuditId++
        return
      }
      const by = whose(write)
      // A long request is said more than once.
      if (by === undefined || known.has(write.auditId)) return
      counts.ours++
      const how = explain(write)
      if (how !== undefined) {
        counts[how]++
        return
      }
      counts.unexplainedCount++
      if (unexplained.length < mostListed) unexplained.push({ ...write, line, by })
    },
    /** That the log says something of this time, ms since the epoch. */
    sawTime(at: number): void {
      from = Math.min(from, at)
      to = Math.max(to, at)
    },
    end(): Reconciliation {
      const missing = [...waiting.values()].filter(
        (record) =>
          seenTargets.has(record.target ?? '') &&
          (target === undefined || record.target === target) &&
          record.at - record.ms > from + edgeMs &&
          record.at < to - edgeMs,
      )
      return {
        ...counts,
        unexplained,
        missing: missing.slice(0, mostListed),
        missingCount: missing.length,
        ...(from > to ? {} : { from, to }),
      }
    },
  }
}
