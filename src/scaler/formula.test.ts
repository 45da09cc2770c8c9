import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultScaling, type Scaling } from '../model/pool.ts'
import type { Load, ScaleState } from '../model/scale.ts'
import { boundsAt, cooled, wantedOf } from './formula.ts'

const idle: Load = { waiting: 0, running: 0, busy: 0, workers: 0, concurrency: 4 }
const scaling = (changes: Partial<Scaling>): { scaling: Scaling } => ({ scaling: { ...defaultScaling, ...changes } })
const wanted = (changes: Partial<Scaling>, load: Partial<Load>): number | undefined =>
  wantedOf(scaling(changes), { ...idle, ...load }, 0)?.wanted

describe('how many workers a pool should have', () => {
  test('nothing to do: its minimum, which may be none', () => {
    expect(wanted({}, {})).toBe(0)
    expect(wanted({ min: 2 }, {})).toBe(2)
  })
  test('what runs and what waits, by how many one worker takes', () => {
    expect(wanted({}, { waiting: 1 })).toBe(1)
    expect(wanted({}, { waiting: 5 })).toBe(2)
    expect(wanted({}, { waiting: 4, running: 4, busy: 1 })).toBe(2)
  })
  test('jobs that are spread thinly keep every busy worker', () => {
    expect(wanted({}, { running: 3, busy: 3 })).toBe(3)
  })
  test('the reserve: min(max(idle, factor × busy), limit)', () => {
    expect(wanted({ idle: 1, max: 20 }, {})).toBe(1)
    expect(wanted({ idle: 1, factor: 0.5, max: 20 }, { running: 8, busy: 8 })).toBe(12)
    expect(wanted({ idle: 1, factor: 0.5, idleLimit: 2, max: 20 }, { running: 8, busy: 8 })).toBe(10)
  })
  test('bounded, but never below the busy ones', () => {
    expect(wanted({ max: 3 }, { waiting: 400 })).toBe(3)
    expect(wanted({ max: 3 }, { running: 5, busy: 5 })).toBe(5)
  })
  test('a fixed number is that number, and no busy worker goes for it', () => {
    expect(wantedOf({ replicas: 2 }, { ...idle, waiting: 100 }, 0)?.wanted).toBe(2)
    expect(wantedOf({ replicas: 1 }, { ...idle, running: 3, busy: 3 }, 0)?.wanted).toBe(3)
  })
  test('a pool without either is left alone', () => {
    expect(wantedOf({}, idle, 0)).toBeUndefined()
  })
  test('of the schedules that hold, the last one wins', () => {
    const schedules = [
      { cron: '* * * * *', timeZone: 'UTC', min: 1 },
      { cron: '* 8-17 * * *', timeZone: 'UTC', min: 3, max: 9 },
    ]
    const noon = boundsAt({ ...defaultScaling, schedules }, Date.parse('2026-11-24T12:00:00Z'))
    expect(noon.bounds).toMatchObject({ min: 3, max: 9, idle: 0 })
    expect(noon.schedule).toBe('* 8-17 * * * (UTC)')
    expect(boundsAt({ ...defaultScaling, schedules }, Date.parse('2026-11-24T20:00:00Z')).bounds).toMatchObject({ min: 1, max: 4 })
  })
  test('more work never means fewer workers', () => {
    const load = fc.record({
      waiting: fc.nat(200),
      running: fc.nat(50),
      busy: fc.nat(20),
      workers: fc.nat(20),
      concurrency: fc.integer({ min: 1, max: 8 }),
    })
    const bounds = fc.record({
      min: fc.nat(5),
      max: fc.integer({ min: 5, max: 40 }),
      idle: fc.nat(3),
      factor: fc.double({ min: 0, max: 2, noNaN: true }),
    })
    fc.assert(
      fc.property(load, bounds, (some, given) => {
        const less = wanted(given, some) ?? 0
        const more = wanted(given, { ...some, waiting: some.waiting + 1 }) ?? 0
        expect(more).toBeGreaterThanOrEqual(less)
        expect(less).toBeGreaterThanOrEqual(some.busy)
        expect(less).toBeLessThanOrEqual(Math.max(given.max, some.busy))
      }),
    )
  })
})

describe('the cool-down', () => {
  test('more is asked for at once, less after it', () => {
    let state: ScaleState | undefined = cooled(undefined, 4, 60, 0)
    expect(state.desired).toBe(4)
    state = cooled(state, 1, 60, 1000)
    expect(state.desired).toBe(4)
    state = cooled(state, 2, 60, 30_000)
    state = cooled(state, 0, 60, 61_000)
    // Two were wanted within it.
    expect(state.desired).toBe(2)
    state = cooled(state, 0, 60, 100_000)
    expect(state.desired).toBe(2)
    expect(cooled(state, 0, 60, 121_000).desired).toBe(0)
  })
  test('what rises in between begins it anew', () => {
    let state = cooled({ desired: 4 }, 1, 60, 0)
    state = cooled(state, 5, 60, 30_000)
    expect(state).toEqual({ desired: 5 })
    expect(cooled(state, 1, 60, 61_000).desired).toBe(5)
  })
  test('what is asked for was wanted within the cool-down, and is never less than is wanted now', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ wanted: fc.nat(9), after: fc.integer({ min: 1, max: 90 }) }), { minLength: 1 }), (looks) => {
        let state: ScaleState | undefined
        let now = 0
        const seen: { at: number; wanted: number }[] = []
        for (const { wanted: want, after } of looks) {
          now += after * 1000
          seen.push({ at: now, wanted: want })
          state = cooled(state, want, 60, now)
          expect(state.desired).toBeGreaterThanOrEqual(want)
          // Between two looks nothing is seen, so what was wanted at the look before a window counts as well.
          expect(seen.some((look) => look.wanted === state?.desired)).toBe(true)
        }
      }),
    )
  })
})
