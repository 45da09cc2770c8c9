import { expect, test } from 'vitest'
import type { ObjectProgress } from '../src/model/verdict.ts'
import { progressOf } from './progress.ts'

const objects = (count: number, openFrom: number): ObjectProgress[] =>
  Array.from({ length: count }, (_, index) => ({
    ref: { group: '', version: 'v1', resource: 'pods', name: `pod-${index}` },
    assessment: { status: index >= openFrom ? 'InProgress' : 'Current', message: '', rule: 'Pod' },
  }))

test('few objects are told one by one', () => {
  const few = objects(100, 40)
  expect(progressOf(few)).toEqual({ objects: few })
})

test('of many the first that are not current are told, and how many there are', () => {
  const { objects: told, of } = progressOf(objects(5000, 4000))
  expect([told.length, told[0]?.ref.name, of]).toEqual([100, 'pod-4000', { total: 5000, ready: 4000 }])
  expect(progressOf(objects(5000, 5000))).toEqual({ objects: [], of: { total: 5000, ready: 5000 } })
})

test('what one event says does not grow with the number of objects', () => {
  expect(JSON.stringify(progressOf(objects(20_000, 0))).length).toBeLessThan(JSON.stringify(objects(110, 0)).length)
})
