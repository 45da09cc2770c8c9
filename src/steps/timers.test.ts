import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { applyStep } from '../../tests/support/samples.ts'
import { createTimers } from './timers.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const timersOf = (deadlines: object, over: string[], endBy?: number) =>
  createTimers({ step: { ...applyStep('web'), deadlineSeconds: 100, deadlines }, ...(endBy === undefined ? {} : { endBy }) }, (words) =>
    over.push(words),
  )

test('the whole holds in every phase', () => {
  const over: string[] = []
  const timers = timersOf({ run: 60 }, over)
  timers.begin('start')
  vi.advanceTimersByTime(50_000)
  timers.end('start')
  timers.begin('run')
  expect(timers.words()).toBe('the deadline of 100 s')
  vi.advanceTimersByTime(50_000)
  expect(over).toEqual(['the deadline of 100 s'])
})

test('a phase that takes too long is named; one that ended in time is not', () => {
  const over: string[] = []
  const timers = timersOf({ image: 10, start: 20, run: 30 }, over)
  timers.begin('start')
  timers.begin('image')
  vi.advanceTimersByTime(9_999)
  timers.end('image')
  vi.advanceTimersByTime(9_000)
  timers.end('start')
  timers.begin('run')
  vi.advanceTimersByTime(29_999)
  expect(over).toEqual([])
  vi.advanceTimersByTime(1)
  expect(over).toEqual(['the run deadline of 30 s'])
})

test('the time of the deployment ends what runs, too', () => {
  const over: string[] = []
  timersOf({}, over, Date.now() + 5000)
  vi.advanceTimersByTime(5000)
  expect(over).toEqual(['the deadline of the deployment'])
})

test('who has it handed over looks itself', () => {
  const over: string[] = []
  const timers = timersOf({ verify: 5 }, over)
  timers.hand()
  timers.begin('verify')
  const until = timers.until()
  vi.advanceTimersByTime(200_000)
  expect(over).toEqual([])
  expect(until).toBe(performance.now() - 195_000)
  expect(timers.words()).toBe('the verify deadline of 5 s')
})
