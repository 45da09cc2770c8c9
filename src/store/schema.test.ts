import { expect, test } from 'vitest'
import { migrations } from './migrations.ts'
import { schemaVersion, stepsFrom } from './schema.ts'

const step = (from: number) => ({ from, about: `step ${from}`, run: async () => {} })

test('the steps are one for each version, in order', () => {
  expect(migrations.map(({ from }) => from)).toEqual(migrations.map((_, index) => index + 1))
  expect(schemaVersion).toBe(migrations.length + 1)
  expect(new Set(migrations.map(({ about }) => about)).size).toBe(migrations.length)
})

test('the steps from a version on are those that lead to the newest', () => {
  const steps = [step(1), step(2), step(3)]
  expect(stepsFrom(1, steps)).toEqual(steps)
  expect(stepsFrom(3, steps).map(({ from }) => from)).toEqual([3])
  expect(stepsFrom(4, steps)).toEqual([])
})

test('newer data is refused with what to do', () => {
  expect(() => stepsFrom(5, [step(1)])).toThrow(
    expect.objectContaining({ code: 'store_newer', message: 'Redis holds data of version 5; this program knows versions up to 2' }),
  )
})
