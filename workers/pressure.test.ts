import { expect, test } from 'vitest'
import { eventually } from '../tests/support/eventually.ts'
import { nextPressure, noPressure, type Pressure, watchLoop } from './pressure.ts'

const after = (...worst: number[]): Pressure => worst.reduce(nextPressure, noPressure)

test('a loop that stood once takes no work until it went for a while', () => {
  expect(after(20, 499).isBlocked).toBe(false)
  expect(after(500).isBlocked).toBe(true)
  expect(after(900, 20, 20).isBlocked).toBe(true)
  expect(after(900, 20, 20, 20).isBlocked).toBe(false)
  expect(after(900, 20, 20, 300, 20, 20).isBlocked).toBe(true)
  expect(after(900, 20, 20, 700, 20, 20).isBlocked).toBe(true)
})

test('a loop that really stands is seen, and so is that it goes again', async () => {
  const said: string[] = []
  const log = { warn: () => {}, info: () => {} }
  const watch = watchLoop({ onBlocked: () => said.push('blocked'), onCalm: () => said.push('calm'), log, lookMs: 50 })
  try {
    await eventually(() => !watch.isBlocked())
    for (const end = performance.now() + 700; performance.now() < end; );
    await eventually(() => said.includes('blocked'))
    await eventually(() => said.includes('calm'))
    expect(said.slice(0, 2)).toEqual(['blocked', 'calm'])
  } finally {
    watch.stop()
  }
})
