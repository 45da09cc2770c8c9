import { expect, test } from 'vitest'
import { readInfo } from './inspect.ts'
import { parseInfo } from './startcheck.ts'

const info = (text: string) => readInfo(parseInfo(text.replaceAll('\n', '\r\n')))

const whole = `# Server
redis_version:7.0.15
maxmemory:1000
maxmemory_policy:noeviction
used_memory:900
mem_not_counted_for_evict:100
aof_enabled:1
aof_last_write_status:ok
aof_last_bgrewrite_status:ok
rdb_last_bgsave_status:ok
role:master
connected_slaves:2
slave0:ip=10.0.0.2,port=6379,state=online,offset=42,lag=1
slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0
`

test('a whole INFO is read', () => {
  expect(info(whole)).toEqual({
    version: '7.0.15',
    policy: 'noeviction',
    appendOnly: true,
    usedBytes: 800,
    maxBytes: 1000,
    role: 'master',
    replicas: [
      { state: 'online', lagSeconds: 1 },
      { state: 'wait_bgsave', lagSeconds: 0 },
    ],
  })
})

test.each([
  ['aof_last_write_status', 'append-only file failed'],
  ['aof_last_bgrewrite_status', 'rewrite'],
  ['rdb_last_bgsave_status', 'snapshot'],
])('%s:err is told', (name, words) => {
  expect(info(whole.replace(`${name}:ok`, `${name}:err`)).writesFail).toContain(words)
})

test('what a managed Redis leaves out is absent', () => {
  expect(info('')).toEqual({ usedBytes: 0, maxBytes: 0, role: 'unknown', replicas: [] })
})
