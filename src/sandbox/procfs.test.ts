import { expect, test } from 'vitest'
import { identify, isAlive } from './procfs.ts'

test('a process is told from a later one with its number', () => {
  const self = identify(process.pid)
  expect(self?.startTime).toMatch(/^\d+$/)
  expect(self !== undefined && isAlive(self)).toBe(true)
  expect(isAlive({ pid: process.pid, startTime: '1' })).toBe(false)
})
