import type { CheckLine, CheckReport } from '../model/check.ts'
import type { DoctorCheck } from '../model/doctor.ts'
import type { Target } from '../model/target.ts'
import { checksOf, type Finding, fail, ok, skip, warn } from './finding.ts'
import type { CheckId } from './table.ts'

export interface TargetFacts {
  readonly targets: readonly Target[]
  /** Which key sealed the account of each target, by the target's name; one that could not be read is absent. */
  readonly sealedBy: Readonly<Record<string, string>>
  /** The keys that the server has. */
  readonly keyIds: readonly string[]
  /** ms since the epoch. */
  readonly now: number
}

const dayMs = 86_400_000
const soonMs = 7 * dayMs

const again = (name: string): string => `telpher target remove ${name} && telpher target add ${name} --from-kubeconfig CONTEXT`

/** What renews itself is always about to expire: it is late when half of its life is over. */
const isSoon = ({ mode, issuedAt, expiresAt }: Target['account'], now: number): boolean => {
  if (expiresAt === undefined) return false
  return mode === 'token-request' && issuedAt !== undefined ? now - issuedAt > (expiresAt - issuedAt) / 2 : expiresAt - now <= soonMs
}

const judgeCredential = ({ name, account }: Target, now: number): Finding[] => {
  const { expiresAt, mode } = account
  if (expiresAt === undefined || !isSoon(account, now)) return []
  const at = new Date(expiresAt).toISOString()
  const renews = mode === 'token-request'
  const finding =
    expiresAt <= now
      ? fail('target-credential', `expired at ${at}`, renews ? `telpher account repair ${name} --from-kubeconfig CONTEXT` : again(name))
      : warn('target-credential', `expires at ${at}`, renews ? `telpher account rotate ${name}` : again(name))
  return [{ ...finding, subject: name }]
}

const judgeKey = ({ name }: Target, { sealedBy, keyIds }: TargetFacts): Finding[] => {
  const by = sealedBy[name]
  if (by !== undefined && keyIds.includes(by)) return []
  const seen = by === undefined ? 'its account is missing' : `sealed with key ${by}, the server has ${keyIds.join(', ')}`
  return [{ ...fail('account-key', seen, `${again(name)}   (or restore the key file that sealed it)`), subject: name }]
}

/** Checks of the targets from their records alone; only what is wrong has a line for each. */
export const judgeTargets = (facts: TargetFacts): Finding[] => {
  const { targets, now } = facts
  if (targets.length === 0) return [skip('target-credential', 'no targets yet'), skip('account-key', 'no targets yet')]
  const credentials = targets.flatMap((target) => judgeCredential(target, now))
  const keys = targets.flatMap((target) => judgeKey(target, facts))
  return [
    ...(credentials.length === 0 ? [ok('target-credential', `none of ${targets.length} expires soon, as far as they tell`)] : credentials),
    ...(keys.length === 0 ? [ok('account-key', `${targets.length} sealed with the server's key`)] : keys),
  ]
}

const statuses = { ok: 'ok', warn: 'warn', failed: 'fail', skipped: 'skip' } as const

const lineOf = (target: string, { rung, subject, status, message, fix }: CheckLine): Finding => {
  const id: CheckId = `target-${rung}`
  const isBad = status === 'warn' || status === 'failed'
  return {
    id,
    subject: subject === '' ? target : `${target}: ${subject}`,
    status: statuses[status],
    seen: message,
    ...(fix === undefined ? (isBad ? { fix: `telpher target check ${target}` } : {}) : { fix }),
  }
}

/** The rungs of a target's ladder as checks. */
export const ladderChecks = (report: CheckReport): DoctorCheck[] => [
  ...checksOf(0, [{ ...ok('target-worker', `checked by ${report.worker}`), subject: report.target }]).filter(
    () => !report.lines.some(({ rung }) => rung === 'worker'),
  ),
  ...report.lines.flatMap((line) => checksOf(Math.round(line.ms), [lineOf(report.target, line)])),
]
