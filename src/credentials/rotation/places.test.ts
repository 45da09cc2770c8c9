import { expect, test } from 'vitest'
import { TelpherError } from '../../model/errors.ts'
import type { RotationPlaces } from '../../model/rotationjournal.ts'
import { createWithin } from './places.ts'

/** Places that are given out by hand: what cannot be had from Redis here is its refusal. */
const placesOf = (most: number, changes: Partial<RotationPlaces> = {}) => {
  const held = new Set<string>()
  const places: RotationPlaces = {
    take: async (_, holder) => {
      if (!held.has(holder) && held.size >= most) return false
      held.add(holder)
      return true
    },
    keep: async (_, holder) => held.has(holder),
    leave: async (_, holder) => void held.delete(holder),
    ...changes,
  }
  return { places, held }
}
const target = { clusterId: 'one' }

/** Work that ends when it is told to. */
const gate = () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { work: () => promise, open: resolve }
}

test('no more than there are places work at a time, in the order in which they came, the urgent first', async () => {
  const { places, held } = placesOf(1)
  const within = createWithin(places)
  const [order, first]: [string[], ReturnType<typeof gate>] = [[], gate()]
  const note = (name: string) => async () => {
    expect(held.size).toBe(1)
    order.push(name)
  }
  const all = [
    within(target, first.work),
    within(target, note('a')),
    within(target, note('b')),
    within(target, note('urgent'), true),
    within(target, note('urgent too'), true),
  ]
  first.open()
  await Promise.all(all)
  expect(order).toEqual(['urgent', 'urgent too', 'a', 'b'])
  expect(held.size).toBe(0)
})

test('a place is left when the work throws', async () => {
  const { places, held } = placesOf(1)
  const within = createWithin(places)
  await expect(within(target, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(held.size).toBe(0)
})

test('who waits too long is told so, and those behind it wait on', async () => {
  const { places } = placesOf(1)
  const within = createWithin(places, { patienceMs: 100 })
  const first = gate()
  const holding = within(target, first.work)
  await expect(within(target, async () => {})).rejects.toMatchObject({ code: 'rotation_place' })
  const next = within(target, async () => 'in')
  first.open()
  await holding
  expect(await next).toBe('in')
})

test('where places cannot be asked for, all who wait learn it, and the next asks anew', async () => {
  let isAway = true
  const { places } = placesOf(1)
  const within = createWithin({
    ...places,
    take: async (...asked) => {
      if (isAway) throw new TelpherError('redis_unreachable', 'it is away')
      return places.take(...asked)
    },
  })
  const refused = await Promise.allSettled([within(target, async () => {}), within(target, async () => {})])
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  isAway = false
  expect(await within(target, async () => 'in')).toBe('in')
})

test('a place that was given to another, or was not kept in time, is held no more', async () => {
  const times = { leaseMs: 120, requestMs: 20 }
  for (const keep of [async () => false, () => Promise.reject(new Error('away'))]) {
    const within = createWithin(placesOf(1, { keep }).places, times)
    await within(target, async (place) => {
      expect(place.isHeld()).toBe(true)
      await expect.poll(() => place.isHeld()).toBe(false)
    })
  }
  const kept = createWithin(placesOf(1).places, times)
  await kept(target, async (place) => {
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(place.isHeld()).toBe(true)
  })
})
