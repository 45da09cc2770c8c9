import { expect, test } from 'vitest'
import type { SeenWorker } from '../model/worker.ts'
import { createLocalDriver, moveOf } from './local.ts'

const worker = (name: string, state: SeenWorker['state'] = 'available'): SeenWorker => ({
  id: `wrk_${name}`,
  name,
  pool: 'default',
  version: '1.0.0',
  state,
  concurrency: 4,
  startedAt: 0,
  attempts: [],
  seenAt: 0,
})
const none: ReadonlySet<string> = new Set()

test('as many are started as are missing; those on their way count', () => {
  expect(moveOf(3, ['a'], none, [])).toEqual({ start: 2, drain: [] })
})
test('one that drains is no more counted', () => {
  expect(moveOf(2, ['a', 'b'], new Set(['a']), [worker('a', 'draining'), worker('b')])).toEqual({ start: 1, drain: [] })
})
test('only idle ones are drained, the youngest first; a busy one never', () => {
  const workers = [worker('a'), worker('b'), worker('c', 'busy'), worker('d')]
  expect(moveOf(2, ['a', 'b', 'c', 'd'], none, workers)).toEqual({ start: 0, drain: ['b', 'd'] })
  expect(moveOf(0, ['c'], none, workers)).toEqual({ start: 0, drain: [] })
})
test('one that was not heard yet is not drained', () => {
  expect(moveOf(0, ['a'], none, [])).toEqual({ start: 0, drain: [] })
})
test('one that could not be asked to drain is asked again', async () => {
  const asked: string[] = []
  const driver = createLocalDriver({
    alive: () => ['a'],
    start: () => 'b',
    drain: async (name) => {
      asked.push(name)
      if (asked.length === 1) throw new Error('cut')
    },
  })
  await driver(0, [worker('a')])
  await driver(0, [worker('a')])
  await driver(0, [worker('a', 'draining')])
  expect(asked).toEqual(['a', 'a'])
})
