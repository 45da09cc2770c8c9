import { expect, test } from 'vitest'
import type { Trouble } from './graces.ts'
import { createPatience } from './patience.ts'

const pull = (isNew: boolean): Trouble => ({
  class: 'image_pull',
  kind: 'Pod',
  name: 'web-1',
  container: 'main',
  message: 'cannot be pulled',
  graceMs: 20_000,
  attempts: { needed: 2, isNew, longestMs: 60_000 },
})
const config: Trouble = {
  class: 'container_config',
  kind: 'Pod',
  name: 'web-1',
  container: 'main',
  message: 'no ConfigMap',
  graceMs: 30_000,
}

const start = (): { at: (ms: number, ...troubles: Trouble[]) => string | undefined } => {
  let now = 0
  const patience = createPatience(() => now)
  return {
    at: (ms, ...troubles) => {
      now = ms
      return patience.outlived('web', troubles)?.class
    },
  }
}

test('a trouble fails when it has lasted its grace', () => {
  const { at } = start()
  expect(at(0, config)).toBeUndefined()
  expect(at(29_999, config)).toBeUndefined()
  expect(at(30_000, config)).toBe('container_config')
})

test('a trouble that went away begins anew', () => {
  const { at } = start()
  at(0, config)
  at(20_000)
  expect(at(40_000, config)).toBeUndefined()
  expect(at(70_000, config)).toBe('container_config')
})

test('a pull fails after its grace and the second attempt', () => {
  const { at } = start()
  at(0, pull(true))
  at(5000, pull(false))
  expect(at(21_000, pull(false))).toBeUndefined()
  expect(at(22_000, pull(true))).toBe('image_pull')
})

test('two quick attempts have to last the grace too', () => {
  const { at } = start()
  at(0, pull(true))
  at(1000, pull(false))
  expect(at(2000, pull(true))).toBeUndefined()
  expect(at(20_000, pull(false))).toBe('image_pull')
})

test('a pull that is not tried again fails after the longest time', () => {
  const { at } = start()
  at(0, pull(false))
  expect(at(59_000, pull(false))).toBeUndefined()
  expect(at(60_000, pull(false))).toBe('image_pull')
})

test('no grace fails at once, an endless one never', () => {
  const { at } = start()
  expect(at(0, { ...config, graceMs: 0 })).toBe('container_config')
  expect(at(1e9, { ...config, graceMs: Number.POSITIVE_INFINITY })).toBeUndefined()
})
