import { describe, expect, test } from 'vitest'
import { workerRange } from './scaling.ts'

describe('--workers', () => {
  test.each([
    ['1', { min: 1, max: 1 }],
    ['0..4', { min: 0, max: 4 }],
    ['2..2', { min: 2, max: 2 }],
  ])('%s', (text, range) => {
    expect(workerRange(text)).toEqual(range)
  })
  test.each(['', '0', '4..1', '0..0', '1..', '..2', '-1', '99', '1...3', 'two'])('%s is refused', (text) => {
    expect(() => workerRange(text)).toThrow('give a number such as 2')
  })
})
