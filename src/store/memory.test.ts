import { expect, test } from 'vitest'
import { judgeMemory, levelOf, memoryWarning } from './memory.ts'
import { parseInfo } from './startcheck.ts'

test.each([
  [0, 'ok'],
  [0.699, 'ok'],
  [0.7, 'warn'],
  [0.85, 'refuse'],
  [0.92, 'reserve'],
  [1.3, 'reserve'],
] as const)('%f of the memory is %s', (ratio, level) => {
  expect(levelOf(ratio)).toBe(level)
})

test('what does not count against maxmemory is not counted', () => {
  const info = parseInfo('# Memory\r\nused_memory:900\r\nmaxmemory:1000\r\nmem_not_counted_for_evict:150\r\n')
  expect(judgeMemory(info)).toEqual({ usedBytes: 750, maxBytes: 1000, ratio: 0.75, level: 'warn' })
})

test('without a limit nothing is known of how full it is', () => {
  expect(judgeMemory(parseInfo('used_memory:900\r\nmaxmemory:0'))).toEqual({ usedBytes: 900, maxBytes: 0, level: 'ok' })
})

test('a warning says where, how full, and what follows', () => {
  const use = { redis: 'state', place: 'r:1', usedBytes: 75e6, maxBytes: 100e6, ratio: 0.75, level: 'warn' } as const
  expect(memoryWarning(use)).toBe('Redis at r:1 has used 75 % of its 100.0 MB: the oldest logs are removed early')
  expect(memoryWarning({ ...use, level: 'ok' })).toBeUndefined()
  expect(memoryWarning({ ...use, level: 'refuse' })).toContain('new deployments are refused')
  expect(memoryWarning({ ...use, level: 'reserve' })).toContain('log lines are left out')
})
