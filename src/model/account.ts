import { createHash } from 'node:crypto'
import type { ErrorCode } from './errors.ts'
import { checkOf, mendOf, repairOf } from './mend.ts'
import type { Rotation, RotationAnswer, RotationState } from './rotation.ts'
import type { AccountMode, Target } from './target.ts'
import type { AccountUses } from './use.ts'

/** How grave something is: an `alarm` needs somebody now. */
export interface AccountAlarm {
  readonly level: 'warn' | 'alarm'
  readonly sentence: string
  /** The command that mends it. */
  readonly fix: string
}

/** What is known of the account of a target; nothing in it is secret. */
export interface AccountState {
  readonly target: string
  readonly mode: AccountMode
  readonly fingerprint: string
  readonly version: number
  readonly state: RotationState
  readonly since?: number
  readonly issuedAt?: number
  readonly expiresAt?: number
  /** Other versions whose records are kept, and whether they are still to be seen dead. */
  readonly versions: readonly {
    readonly version: number
    readonly is: 'used' | 'next' | 'previous' | 'revoked'
    readonly expiresAt?: number
  }[]
  readonly rotatedAt?: number
  readonly provenAt?: number
  /** Its last use that proved it, by deployments and by servers; what only tries it is none. */
  readonly used: AccountUses
  /** When the next rotation begins by itself; absent for never. */
  readonly nextAt?: number
  readonly answer?: RotationAnswer
  readonly alarms: readonly AccountAlarm[]
}

/** Between two rotations, in ms, where the target does not say it. */
const dayMs = 86_400_000
const dailyMs = dayMs
/** After a rotation that failed, in ms: the first wait, which doubles, and the longest. */
const firstRetryMs = 60_000
const longestRetryMs = 3_600_000
/** What was to be dead and is not after so long, in ms, is an alarm: an API server remembers a token for 10 s. */
const confirmMs = 60_000
/** A rotation that stands in one state for so long, in ms, is stuck. */
const stuckMs = 900_000

/** The modes whose credential Telpher can renew by itself. */
export const rotatesItself = ({ account }: Pick<Target, 'account'>): boolean => account.mode === 'token-request'

/** A number in [0, 1) that stays the same for one version of an account: all that were added at once would otherwise rotate at once. */
const spread = (account: string, version: number): number =>
  createHash('sha256').update(`${account} ${version}`).digest().readUInt32BE(0) / 2 ** 32

/**
 * When the next rotation begins by itself: after the target's time less up to a tenth of it; after one that failed, with growing waits.
 * @returns ms since the epoch; undefined for never
 */
export const nextRotation = (target: Target, rotation: Pick<Rotation, 'version' | 'rotatedAt' | 'trouble'>): number | undefined => {
  const everyMs = target.rotateSeconds === undefined ? dailyMs : target.rotateSeconds * 1000
  if (!rotatesItself(target) || everyMs === 0) return undefined
  const { version, rotatedAt = target.createdAt, trouble } = rotation
  const planned = rotatedAt + everyMs * (1 - spread(target.account.id, version) / 10)
  const { issuedAt, expiresAt } = target.account
  // A token that lives shorter than that is renewed at half of its life.
  const half = issuedAt === undefined || expiresAt === undefined ? Number.POSITIVE_INFINITY : (issuedAt + expiresAt) / 2
  const retry = trouble === undefined ? 0 : trouble.at + Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(trouble.tries - 1, 10))
  return Math.round(Math.max(Math.min(planned, half), retry))
}

const iso = (at: number): string => new Date(at).toISOString()

/** How much of its life a credential has behind it: alarms at 50, 75 and 90 %. */
const ageAlarm = (target: Target, now: number): AccountAlarm[] => {
  const { expiresAt, issuedAt = target.createdAt, mode } = target.account
  if (expiresAt === undefined || mode === 'in-cluster' || mode === 'federated') return []
  if (expiresAt <= now)
    return [{ level: 'alarm', sentence: `its credential expired at ${iso(expiresAt)}: nothing can be deployed`, fix: repairOf(target) }]
  const passed = [90, 75, 50].find((percent) => (now - issuedAt) / (expiresAt - issuedAt) >= percent / 100)
  // What nobody renews but a person is said when there is still time to do so, and not for half of a life of years.
  if (passed === undefined || (passed === 50 && !rotatesItself(target))) return []
  const fix = rotatesItself(target) ? `telpher account rotate ${target.name}` : repairOf(target)
  return [
    {
      level: passed === 50 ? 'warn' : 'alarm',
      sentence: `${passed} % of the life of its credential is over; it expires at ${iso(expiresAt)}`,
      fix,
    },
  ]
}

/** What ends a credential that Telpher cannot end, or has not ended yet because its API server cannot be asked. */
const endOf = (target: Target): string => {
  const { account } = target
  if (account.mode === 'token-request') return checkOf(target)
  return account.mode === 'client-certificate'
    ? 'take the rights of its user away in the cluster: Kubernetes revokes no certificates'
    : 'delete the Secret of the old token in the cluster: kubectl delete secret NAME --namespace NAMESPACE'
}

const unconfirmedAlarms = (target: Target, { unconfirmed }: Rotation, now: number): AccountAlarm[] =>
  unconfirmed
    .filter(({ since }) => now - since > confirmMs)
    .map(({ version, since, expiresAt }) => ({
      level: 'alarm',
      sentence: `version ${version} of its credential should be dead since ${iso(since)}, and was not seen to be refused${expiresAt === undefined ? '' : `; it expires at ${iso(expiresAt)}`}`,
      fix: endOf(target),
    }))

/** Why an old credential cannot be revoked yet. */
const waits: readonly ErrorCode[] = ['rotation_replicas', 'rotation_barrier']

const troubleAlarms = (target: Target, { trouble }: Rotation): AccountAlarm[] => {
  if (trouble === undefined) return []
  const { code, tries, at, sentence } = trouble
  if (waits.includes(code))
    return [{ level: 'alarm', sentence: `its old credential is kept alive since ${iso(at)}: ${sentence}`, fix: mendOf(target, code) }]
  const isSetUp = code === 'rotation_mint' || code === 'target_unauthorized'
  return [
    {
      level: tries >= 3 || isSetUp || code === 'rotation_undone' ? 'alarm' : 'warn',
      sentence: `its rotation failed at ${iso(at)}: ${sentence}`,
      fix: mendOf(target, code),
    },
  ]
}

/** What should have gone on and did not: why is in the log of the servers, which try again. */
const stuckAlarms = (target: Target, rotation: Rotation, now: number): AccountAlarm[] => {
  const { state, since, trouble } = rotation
  const warn = (sentence: string, fix: string): AccountAlarm[] => [{ level: 'warn', sentence, fix }]
  // What failed is tried again at its own times; one that was revoked and is not dead yet is said of itself.
  if (trouble !== undefined || state === 'revoked') return []
  if (state === 'stable') {
    const dueAt = nextRotation(target, rotation)
    // How old its credential is then says it more urgently.
    if (dueAt === undefined || now - dueAt <= stuckMs || ageAlarm(target, now).length > 0) return []
    return warn(`its rotation is due since ${iso(dueAt)} and has not begun`, checkOf(target))
  }
  if (now - since <= stuckMs) return []
  if (state !== 'draining') return warn(`its rotation is ${state} since ${iso(since)}`, checkOf(target))
  const before = `version ${rotation.previous ?? '?'} of its credential still works: its rotation is draining since ${iso(since)}`
  // One that a person gave may be needed by what runs.
  return rotatesItself(target)
    ? warn(`${before}, and Redis does not say that the new one lasts`, 'telpher doctor --server')
    : warn(`${before}, until deployments that began before have ended`, `telpher list --status executing --target ${target.name}`)
}

const versionsOf = ({ account }: Target, rotation: Rotation): AccountState['versions'] => {
  const { version, next, previous, kept, unconfirmed } = rotation
  return [
    { version, is: 'used', ...(account.expiresAt === undefined ? {} : { expiresAt: account.expiresAt }) },
    ...kept.map((one): AccountState['versions'][number] => {
      const dying = unconfirmed.find((each) => each.version === one)
      if (dying !== undefined)
        return { version: one, is: 'revoked', ...(dying.expiresAt === undefined ? {} : { expiresAt: dying.expiresAt }) }
      return { version: one, is: one === previous ? 'previous' : one === next ? 'next' : 'revoked' }
    }),
  ]
}

/**
 * All that is known of an account, and what is wrong with it, the gravest first.
 * @param rotation its journal; absent before it was first looked at
 * @param now ms since the epoch
 * @param used when it was last used
 */
export const accountState = (target: Target, rotation: Rotation | undefined, now: number, used: AccountUses = {}): AccountState => {
  const { account, name, createdAt } = target
  const { mode, fingerprint, issuedAt, expiresAt } = account
  const journal: Rotation = rotation ?? {
    state: 'stable',
    version: account.version ?? 1,
    last: 1,
    since: createdAt,
    kept: [],
    unconfirmed: [],
  }
  const nextAt = nextRotation(target, journal)
  const alarms = [
    ...ageAlarm(target, now),
    ...unconfirmedAlarms(target, journal, now),
    ...troubleAlarms(target, journal),
    ...stuckAlarms(target, journal, now),
  ]
  const { rotatedAt, provenAt, answer } = journal
  return {
    target: name,
    mode,
    fingerprint,
    version: journal.version,
    state: journal.state,
    since: journal.since,
    versions: versionsOf(target, journal),
    alarms: alarms.sort((a, b) => Number(b.level === 'alarm') - Number(a.level === 'alarm')),
    ...(issuedAt === undefined ? {} : { issuedAt }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(rotatedAt === undefined ? {} : { rotatedAt }),
    ...(provenAt === undefined ? {} : { provenAt }),
    used,
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(answer === undefined ? {} : { answer }),
  }
}
