import { expect, test } from 'vitest'
import type { RedisFacts } from '../model/doctor.ts'
import { judgeRedis } from './redis.ts'

const good: RedisFacts = {
  place: 'db.example:6380',
  latencyMs: 0.4,
  version: '7.0.15',
  policy: 'noeviction',
  appendOnly: true,
  usedBytes: 10e6,
  maxBytes: 1e9,
  role: 'master',
  replicas: [],
  skewMs: 3,
  reach: 'loopback',
  tls: false,
}
const options = { place: 'db.example:6380', named: true }
const judge = (facts: RedisFacts) => judgeRedis({ facts: [facts], ms: 1 }, options)

test('nothing is wrong with a good Redis', () => {
  expect(judge(good).map(({ status }) => status)).toEqual(Array.from({ length: 11 }, (_, index) => (index === 3 ? 'skip' : 'ok')))
})

test.each<[Partial<RedisFacts>, string, string, string]>([
  [{ version: '6.2.0' }, 'redis-version', 'ok', ''],
  [{ version: '6.0.16' }, 'redis-version', 'fail', 'redis-server'],
  [{ version: '5.9.9' }, 'redis-version', 'fail', 'redis-server'],
  [{ policy: 'allkeys-lru' }, 'redis-eviction', 'fail', 'redis-cli -h db.example -p 6380 CONFIG SET maxmemory-policy noeviction'],
  [{ appendOnly: false }, 'redis-persistence', 'fail', 'redis-cli -h db.example -p 6380 CONFIG SET appendonly yes'],
  [{ writesFail: 'the last snapshot failed' }, 'redis-writes', 'fail', 'df -h'],
  [{ usedBytes: 699e6 }, 'redis-memory', 'ok', ''],
  [{ usedBytes: 700e6 }, 'redis-memory', 'warn', 'CONFIG SET maxmemory 2gb'],
  [{ usedBytes: 850e6 }, 'redis-memory', 'fail', 'CONFIG SET maxmemory 2gb'],
  [{ maxBytes: 0 }, 'redis-memory', 'warn', 'CONFIG SET maxmemory 1gb'],
  [{ latencyMs: 45 }, 'redis-latency', 'warn', '--latency'],
  [{ role: 'slave' }, 'redis-replicas', 'fail', 'INFO replication'],
  [{ replicas: [{ state: 'online', lagSeconds: 1 }] }, 'redis-replicas', 'ok', ''],
  [{ replicas: [{ state: 'online', lagSeconds: 60 }] }, 'redis-replicas', 'warn', 'INFO replication'],
  [{ replicas: [{ state: 'wait_bgsave', lagSeconds: 0 }] }, 'redis-replicas', 'warn', 'INFO replication'],
])('%o: %s is %s', (changes, id, status, fix) => {
  const finding = judge({ ...good, ...changes }).find((one) => one.id === id)
  expect(finding).toMatchObject({ status })
  expect(finding?.fix ?? '').toContain(fix)
  expect(finding?.fix !== undefined).toBe(status !== 'ok')
})

test('what a managed Redis does not tell is to be looked at by hand', () => {
  const { version: _v, policy: _p, appendOnly: _a, ...rest } = good
  const found = judge(rest).filter(({ status }) => status === 'warn')
  expect(found.map(({ id }) => id)).toEqual(['redis-version', 'redis-patched', 'redis-eviction', 'redis-persistence'])
})

test.each([
  ['db.example', 'redis-cli -h db.example -p 6379'],
  ['[::1]:6380', "redis-cli -h '::1' -p 6380"],
])('its commands are for %s', (place, command) => {
  expect(judge({ ...good, place, appendOnly: false }).find(({ id }) => id === 'redis-persistence')?.fix).toContain(`${command} CONFIG`)
})

test('one that is not there fails where somebody named it, and is left out where nobody did', () => {
  const looked = { trouble: 'connection refused', ms: 3 }
  const [first, ...others] = judgeRedis(looked, { ...options, subject: 'store' })
  expect(first).toMatchObject({ id: 'redis', subject: 'store', status: 'fail', seen: 'db.example:6380: connection refused' })
  expect(others.map(({ status, subject }) => [status, subject])).toEqual(Array.from({ length: 10 }, () => ['skip', 'store']))
  expect(judgeRedis(looked, { ...options, named: false })[0]).toMatchObject({ status: 'skip' })
})
