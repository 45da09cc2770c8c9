import { expect, test } from 'vitest'
import { gracesOf, phaseDeadlinesOf } from './graces.ts'

test('graces are durations or a count', () => {
  expect(gracesOf(['imagePull=2m', 'restarts=5', 'vanished=0'])).toEqual({ imagePull: 120, restarts: 5, vanished: 0 })
})

test.each([
  ['pull=2m', 'write NAME=VALUE with one of imagePull, '],
  ['imagePull', 'give a duration from 0s to 60m'],
  ['imagePull=2h', 'give a duration from 0s to 60m'],
  ['restarts=1m', 'give a whole number from 1 to 100'],
  ['restarts=0', 'give a whole number from 1 to 100'],
])('%s is refused', (text, problem) => {
  expect(() => gracesOf([text])).toThrow(problem)
})

test('deadlines of phases are durations', () => {
  expect(phaseDeadlinesOf(['queue=10m', 'verify=90s'])).toEqual({ queue: 600, verify: 90 })
  expect(() => phaseDeadlinesOf(['verfy=1m'])).toThrow('write NAME=VALUE with one of admission, queue')
  expect(() => phaseDeadlinesOf(['run=7h'])).toThrow('give a duration from 1s to 6h')
})
