import { expect, test } from 'vitest'
import { openRedisAddress, parseRedisAddress, placeOf } from './redis-address.ts'

test.each([
  ['redis://127.0.0.1', { kind: 'server', nodes: [{ host: '127.0.0.1', port: 6379 }], db: 0 }],
  ['redis://h:7000/2', { kind: 'server', nodes: [{ host: 'h', port: 7000 }], db: 2 }],
  [
    'rediss://me:a%40b%3A@[::1]:1?ca_file=/ca',
    {
      kind: 'server',
      nodes: [{ host: '::1', port: 1 }],
      db: 0,
      user: 'me',
      password: 'a@b:',
      tls: { caFile: '/ca' },
    },
  ],
  ['redis://:pw@h', { kind: 'server', nodes: [{ host: 'h', port: 6379 }], db: 0, password: 'pw' }],
  [
    'unix:///run/redis.sock?user=u&password_file=/p',
    { kind: 'socket', nodes: [], socket: '/run/redis.sock', db: 0, user: 'u', passwordFile: '/p' },
  ],
  [
    'redis+sentinel://a,b:26380/main?sentinel_user=s&sentinel_password_file=/s',
    {
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 26_380 },
      ],
      master: 'main',
      db: 0,
      sentinelUser: 's',
      sentinelPasswordFile: '/s',
    },
  ],
  ['redis://h?wait_replicas=0&wait_ms=50', { kind: 'server', nodes: [{ host: 'h', port: 6379 }], db: 0, wait: { replicas: 0, ms: 50 } }],
  [
    'rediss+cluster://a:7000,b:7001?cert_file=/c&key_file=/k&server_name=redis',
    {
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 7000 },
        { host: 'b', port: 7001 },
      ],
      db: 0,
      tls: { certFile: '/c', keyFile: '/k', serverName: 'redis' },
    },
  ],
])('reads %s', (text, address) => {
  expect(parseRedisAddress(text)).toEqual({ wait: { replicas: 1, ms: 1000 }, ...address })
})

test.each([
  ['http://x', 'scheme: use redis://HOST:PORT'],
  ['127.0.0.1:6379', 'scheme'],
  ['redis://', 'host: one is empty'],
  ['redis://a,b', 'host: there are several'],
  ['redis://a b', 'host: use a name'],
  ['redis://a:x', 'port: that of a must be a number'],
  ['redis://a:70000', 'port'],
  ['redis://a/main', 'database: use a number'],
  ['redis+sentinel://a', 'master: write the name'],
  ['redis+sentinel://a/m/0/x', 'master'],
  ['redis+cluster://a/1', 'database: a cluster has only one'],
  ['redis+cluster://a,,b', 'host: one is empty'],
  ['unix://redis.sock', 'host: a socket has none'],
  ['unix://', 'socket'],
  ['redis://a?tls=1', 'options: there is none of this name'],
  ['redis://a?ca_file=/x', 'ca_file: only an address that begins with rediss'],
  ['rediss://a?cert_file=/x', 'cert_file: a client certificate needs'],
  ['redis://a?sentinel_user=x', 'sentinel_user: only an address of Sentinels'],
  ['redis://a?wait_replicas=many', 'wait_replicas: use a number from 0 to 10'],
  ['redis://a?wait_ms=0', 'wait_ms: use a number from 1 to 5000'],
  ['redis://a?user=', 'user: it has no value'],
  ['redis://a?user=x&user=y', 'user: it is said twice'],
  ['redis://x@a?user=y', 'user: it is said twice'],
  ['redis://:pw@a?password_file=/x', 'password_file: there is a password too'],
  ['redis://:%zz@a', 'password: a % must be followed'],
  ['redis://:a#b@h', 'password: write # as %23'],
])('refuses %s and names the part', (text, message) => {
  expect(() => parseRedisAddress(text)).toThrow(`the address of Redis, ${message}`)
})

test('no refusal quotes what may be a password', () => {
  for (const text of [
    'redis://u:hunter2@a b',
    'redis://u:hunter2@a:x',
    'http://u:hunter2@a',
    'redis://u:hunter2#@a',
    'redis://u:hunter2%@a',
  ])
    expect(() => parseRedisAddress(text)).toThrow(/^(?!.*hunter2)/s)
})

test('its place names neither user nor password', () => {
  expect(placeOf(parseRedisAddress('redis+sentinel://u:hunter2@a,b:1/main'))).toBe('main of a:26379,b:1')
  expect(placeOf(parseRedisAddress('redis://u:hunter2@[::1]'))).toBe('[::1]:6379')
  expect(placeOf(parseRedisAddress('unix:///run/r.sock'))).toBe('/run/r.sock')
})

test('files are read where they are named: secrets without the line break at their end, PEM as it is', () => {
  const files: Record<string, string> = { '/p': 'hunter2\n', '/ca': 'PEM\n' }
  const read = (file: string): string => {
    const text = files[file]
    if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' })
    return text
  }
  expect(openRedisAddress(parseRedisAddress('rediss://h?user=u&password_file=/p&ca_file=/ca'), read)).toEqual({
    way: { kind: 'server', host: 'h', port: 6379 },
    login: { db: 0, username: 'u', password: 'hunter2', tls: { ca: 'PEM\n' } },
  })
  expect(() => openRedisAddress(parseRedisAddress('redis://h?password_file=/none'), read)).toThrow(
    'the file /none of password_file in the address of Redis: ENOENT',
  )
})
