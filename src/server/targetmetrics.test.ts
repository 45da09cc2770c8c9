import { expect, test } from 'vitest'
import { sampleTarget } from '../../tests/support/samples.ts'
import { accountState } from '../model/account.ts'
import { createRegistry } from '../telemetry/registry.ts'
import { type ToldTarget, tellTargets } from './targetmetrics.ts'

const now = 1_800_000_000_000
const told = (name: string, changes: Partial<ToldTarget> = {}, account = {}): ToldTarget => {
  const target = sampleTarget(name, { account: { id: `acc_${name}`, mode: 'static-token', fingerprint: '00', ...account } })
  return {
    target,
    health: { state: 'up', since: 1, checkedAt: now, sentence: '' },
    account: accountState(target, undefined, now),
    ...changes,
  }
}

test('of very many targets those that are not well have series, and the rest is counted', () => {
  const registry = createRegistry('server')
  const down = told('z-down', { health: { state: 'down', since: 1, checkedAt: now, sentence: '' } })
  const expired = told('z-expired', {}, { expiresAt: now - 1 })
  tellTargets(registry, [...Array.from({ length: 20 }, (_, index) => told(`a${index}`)), down, expired], 3)
  expect(registry.samples('telpher_target_up')).toEqual([
    { labels: { target: 'z-down' }, value: 0 },
    { labels: { target: 'z-expired' }, value: 1 },
    { labels: { target: 'a0' }, value: 1 },
  ])
  expect(registry.samples('telpher_targets_omitted')).toEqual([{ labels: {}, value: 19 }])
  expect(registry.samples('telpher_account_alarms')).toContainEqual({ labels: { target: 'z-expired', level: 'alarm' }, value: 1 })
})

test('one that nobody tried lately is neither up nor down, and one that is degraded is up', () => {
  const registry = createRegistry('server')
  tellTargets(registry, [
    told('unknown', { health: { state: 'unknown', since: 1, sentence: '' } }),
    told('degraded', { health: { state: 'degraded', since: 1, checkedAt: now, sentence: '' } }),
  ])
  expect(registry.samples('telpher_target_up')).toEqual([{ labels: { target: 'degraded' }, value: 1 }])
  expect(registry.samples('telpher_target_checked_timestamp_seconds')).toEqual([{ labels: { target: 'degraded' }, value: now / 1000 }])
})
