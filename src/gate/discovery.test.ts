import { expect, test } from 'vitest'
import { changesDiscovery, createDiscoveryCache, isDiscovery, type KeptAnswer } from './discovery.ts'

const answer = (size: number): KeptAnswer => ({ status: 200, headers: {}, body: Buffer.alloc(size) })
const mebibyte = 1024 * 1024

test('what was checked is fresh for a while, and again when it was confirmed', () => {
  let now = 0
  const cache = createDiscoveryCache(() => now)
  cache.put('a', answer(1))
  expect(cache.get('a')?.fresh).toBe(true)
  now = 10_000
  expect(cache.get('a')?.fresh).toBe(false)
  cache.confirm('a')
  cache.confirm('unknown')
  expect(cache.get('a')?.fresh).toBe(true)
  expect(cache.get('unknown')).toBeUndefined()
})

test('after a change nothing is fresh until the API server has settled', () => {
  let now = 0
  const cache = createDiscoveryCache(() => now)
  cache.put('a', answer(1))
  cache.changed()
  expect(cache.get('a')).toBeUndefined()
  cache.put('a', answer(1))
  expect(cache.get('a')?.fresh).toBe(false)
  now = 30_000
  cache.confirm('a')
  expect(cache.get('a')?.fresh).toBe(true)
})

test('memory is bounded: what was used longest ago goes first', () => {
  const cache = createDiscoveryCache()
  for (const key of ['a', 'b', 'c']) cache.put(key, answer(8 * mebibyte))
  cache.confirm('a')
  cache.put('d', answer(mebibyte))
  expect(['a', 'b', 'c', 'd'].filter((key) => cache.get(key) !== undefined)).toEqual(['a', 'c', 'd'])
  for (let n = 0; n < 100; n++) cache.put('d', answer(8 * mebibyte))
  expect(cache.get('a')).toBeDefined()
})

test.each([
  ['/api', true],
  ['/apis/apps/v1', true],
  ['/openapi/v3/apis/apps/v1', true],
  ['/openapi/v2', true],
  ['/version', true],
  ['/healthz', false],
  ['/metrics', false],
])('%s may be kept: %s', (path, kept) => {
  expect(isDiscovery(path, false)).toBe(kept)
  expect(isDiscovery(path, true)).toBe(false)
})

test('CRDs and API services change it', () => {
  expect(changesDiscovery('apiextensions.k8s.io', 'customresourcedefinitions')).toBe(true)
  expect(changesDiscovery('apiregistration.k8s.io', 'apiservices')).toBe(true)
  expect(changesDiscovery('apps', 'deployments')).toBe(false)
})
