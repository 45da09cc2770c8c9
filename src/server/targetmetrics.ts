import type { AccountState } from '../model/account.ts'
import type { TargetHealth } from '../model/health.ts'
import type { Target } from '../model/target.ts'
import { useKinds } from '../model/use.ts'
import type { Registry } from '../telemetry/registry.ts'

/** What is told of each target, and only while Redis answers. */
export const ofTargets = [
  'telpher_target_up',
  'telpher_target_checked_timestamp_seconds',
  'telpher_targets_omitted',
  'telpher_credential_expires_timestamp_seconds',
  'telpher_credential_issued_timestamp_seconds',
  'telpher_account_alarms',
  'telpher_account_rotation_since_timestamp_seconds',
  'telpher_account_next_rotation_timestamp_seconds',
  'telpher_account_proven_timestamp_seconds',
  'telpher_account_used_timestamp_seconds',
] as const

/** Targets with series of their own: what asks for more of them asks for one that is wrong. */
const mostTold = 1000

/** A target as its metrics tell of it. */
export interface ToldTarget {
  readonly target: Target
  readonly health: TargetHealth
  readonly account: AccountState
}

const isWell = ({ health, account }: ToldTarget): boolean => health.state !== 'down' && account.alarms.length === 0

const tellHealth = (registry: Registry, target: string, { state, checkedAt }: TargetHealth): void => {
  if (state !== 'unknown') registry.set('telpher_target_up', { target }, state === 'down' ? 0 : 1)
  if (checkedAt !== undefined) registry.set('telpher_target_checked_timestamp_seconds', { target }, checkedAt / 1000)
}

const tellAccount = (registry: Registry, { createdAt }: Target, account: AccountState): void => {
  const { target, state, since = createdAt, issuedAt = createdAt, expiresAt, nextAt, provenAt, used, alarms } = account
  if (expiresAt !== undefined) {
    registry.set('telpher_credential_expires_timestamp_seconds', { target }, expiresAt / 1000)
    registry.set('telpher_credential_issued_timestamp_seconds', { target }, issuedAt / 1000)
  }
  for (const level of ['warn', 'alarm'] as const)
    registry.set('telpher_account_alarms', { target, level }, alarms.filter((alarm) => alarm.level === level).length)
  registry.set('telpher_account_rotation_since_timestamp_seconds', { target, state }, since / 1000)
  if (nextAt !== undefined) registry.set('telpher_account_next_rotation_timestamp_seconds', { target }, nextAt / 1000)
  if (provenAt !== undefined) registry.set('telpher_account_proven_timestamp_seconds', { target }, provenAt / 1000)
  for (const by of useKinds) {
    const use = used[by]
    if (use !== undefined) registry.set('telpher_account_used_timestamp_seconds', { target, by }, use.at / 1000)
  }
}

/** Tells how targets and their accounts are; of very many those that are not well come first, so that no alert misses one. */
export const tellTargets = (registry: Registry, targets: readonly ToldTarget[], most: number = mostTold): void => {
  const told = targets.toSorted((a, b) => Number(isWell(a)) - Number(isWell(b))).slice(0, most)
  for (const { target, health, account } of told) {
    tellHealth(registry, target.name, health)
    tellAccount(registry, target, account)
  }
  registry.set('telpher_targets_omitted', {}, targets.length - told.length)
}
