import { expect, test } from 'vitest'
import type { RedisFacts } from '../model/doctor.ts'
import { isPatched, judgeAccess, judgePatched, judgeTls } from './redis-access.ts'

const facts = (changes: Partial<RedisFacts>): RedisFacts => ({
  place: 'db:6379',
  latencyMs: 1,
  usedBytes: 1,
  maxBytes: 2,
  role: 'master',
  replicas: [],
  skewMs: 0,
  reach: 'network',
  tls: true,
  open: false,
  version: '8.2.2',
  ...changes,
})

test.each([
  ['redis', '6.2.19', 'no'],
  ['redis', '6.2.20', 'yes'],
  ['redis', '7.0.15', 'distribution'],
  ['redis', '7.2.11', 'yes'],
  ['redis', '8.2.1', 'no'],
  ['redis', '8.4.0', 'yes'],
  ['redis', '10.0.0', 'yes'],
  ['valkey', '8.0.5', 'no'],
  ['valkey', '9.0.0', 'yes'],
] as const)('%s %s: %s', (kind, version, is) => {
  expect(isPatched(kind, version)).toBe(is)
})

test.each<[Partial<RedisFacts>, string]>([
  [{}, 'ok'],
  [{ version: '7.2.4' }, 'fail'],
  [{ version: '7.2.4', valkey: '8.1.4' }, 'ok'],
  [{ version: '7.0.15' }, 'warn'],
  [{ version: '7.0.15', reach: 'loopback' }, 'ok'],
])('known holes: %o is %s', (changes, status) => {
  expect(judgePatched(facts(changes)).status).toBe(status)
})

test.each<[Partial<RedisFacts>, string]>([
  [{}, 'ok'],
  [{ open: true }, 'fail'],
  [{ open: true, reach: 'loopback' }, 'ok'],
  [{ reach: 'socket', socketMode: 0o140777 }, 'fail'],
  [{ reach: 'socket', socketMode: 0o140660, open: true }, 'ok'],
])('who is let in: %o is %s', (changes, status) => {
  expect(judgeAccess(facts(changes)).status).toBe(status)
})

test.each<[Partial<RedisFacts>, string]>([
  [{}, 'ok'],
  [{ tls: false }, 'fail'],
  [{ tls: false, reach: 'loopback' }, 'ok'],
  [{ tls: false, reach: 'socket' }, 'ok'],
])('the way: %o is %s', (changes, status) => {
  expect(judgeTls(facts(changes)).status).toBe(status)
})
