import { describe, expect, test } from 'vitest'
import { type Freeze, freezeOf, frozenReason, newFreezeSchema } from './freeze.ts'

const freeze = (id: string, changes: Partial<Freeze>): Freeze => ({ id, reason: 'fair', createdAt: 1, ...changes })
const target = { name: 'prod-eu', tags: ['env=prod', 'region=eu'] }

describe('which freeze a target is under', () => {
  test.each<[string, readonly Freeze[], string | undefined]>([
    ['none', [], undefined],
    ['by name', [freeze('a', { target: 'prod-eu' })], 'a'],
    ['of another target', [freeze('a', { target: 'prod-us' })], undefined],
    ['by tags', [freeze('a', { tags: 'env=prod and not region=us' })], 'a'],
    ['of other tags', [freeze('a', { tags: 'env=test' })], undefined],
    ['the oldest', [freeze('b', { tags: 'env=prod', createdAt: 2 }), freeze('a', { target: 'prod-eu' })], 'a'],
    ['of the same age, by id', [freeze('b', { target: 'prod-eu' }), freeze('a', { target: 'prod-eu' })], 'a'],
    ['until later', [freeze('a', { target: 'prod-eu', until: 101 })], 'a'],
    ['until now', [freeze('a', { target: 'prod-eu', until: 100 })], undefined],
  ])('%s', (_, freezes, id) => {
    expect(freezeOf(freezes, target, 100)?.id).toBe(id)
  })
})

test('says why, until when, and how it is lifted', () => {
  expect(frozenReason(freeze('frz_1', { target: 'prod-eu', reason: 'trade fair', until: 0 }))).toBe(
    'frozen until 1970-01-01T00:00:00.000Z: trade fair (lift it with: telpher unfreeze frz_1)',
  )
  expect(frozenReason(freeze('frz_1', {}))).toBe('frozen: fair (lift it with: telpher unfreeze frz_1)')
})

test.each([
  [{ reason: 'x' }, 'target'],
  [{ target: 'a', tags: 'b', reason: 'x' }, 'target'],
  [{ target: 'a' }, 'reason'],
  [{ target: 'a', reason: '  ' }, 'reason'],
  [{ target: 'a', reason: 'a\u001b[2Jb' }, 'reason'],
  [{ tags: 'a and', reason: 'x' }, 'tags'],
  [{ target: 'a', reason: 'x', seconds: 0 }, 'seconds'],
])('%j is refused', (value, field) => {
  expect(newFreezeSchema.safeParse(value).error?.issues[0]?.path).toEqual([field])
})
