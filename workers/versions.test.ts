import { expect, test } from 'vitest'
import { createVersions } from './versions.ts'

test('the last version of each server is remembered; one that does not say it, or is new, is taken to be like the last one', () => {
  const version = createVersions()
  expect(version('https://a').last()).toBeUndefined()
  version('https://a').heard('v1.33.0')
  version('https://b').heard('v1.36.0')
  version('https://a').heard('v1.34.0')
  expect(version('https://c').last()).toBe('v1.34.0')
  version('https://b').heard('v1.36.0')
  version('https://c').heard(undefined)
  expect(version('https://c').last()).toBe('v1.36.0')
  expect([version('https://a').last(), version('https://b').last()]).toEqual(['v1.34.0', 'v1.36.0'])
})

test('memory is bounded: the one that was asked longest ago goes first', () => {
  const version = createVersions()
  for (let count = 0; count < 10_001; count++) version(`https://${count}`).heard(`v1.34.${count}`)
  expect(version('https://0').last()).toBe('v1.34.10000')
  expect(version('https://1').last()).toBe('v1.34.1')
})
