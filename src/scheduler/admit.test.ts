import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LockEntry, LockState } from '../store/types.ts'
import { admit, blockerOf, cool, isHolder, reasonOf, release } from './admit.ts'

const free: LockState = { queue: [] }
const name = { clusterId: 'c', namespace: 'shop', subject: 'helm:web' }
const entryOf = (index: number): LockEntry => ({
  deploymentId: `dep_${index}`,
  jobId: `job_${index}`,
  step: 's',
  since: Math.floor(index / 2),
})

type Act =
  | { readonly kind: 'ask' | 'release'; readonly index: number; readonly now: number }
  | { readonly kind: 'cool'; readonly until: number }
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('ask' as const, 'release' as const), index: fc.nat(7), now: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cool' as const), until: fc.nat(50) }) },
)
const doAct = (lock: LockState, action: Act): LockState => {
  if (action.kind === 'cool') return cool(lock, 'dep_x', action.until)
  const entry = entryOf(action.index)
  return action.kind === 'ask' ? admit(lock, entry, action.now) : release(lock, entry)
}

describe('a lock', () => {
  test('never passes from a holder to another but by a release', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        acts.reduce((lock, action) => {
          const after = doAct(lock, action)
          const released = action.kind === 'release' && lock.holder?.jobId === `job_${action.index}`
          if (lock.holder !== undefined && !released) expect(after.holder).toEqual(lock.holder)
          return after
        }, free)
      }),
    )
  })
  test('keeps its queue in the order in which jobs became ready, each once, the holder not in it', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        const lock = acts.reduce(doAct, free)
        const ids = lock.queue.map(({ jobId }) => jobId)
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids).toEqual(
          lock.queue.toSorted((a, b) => a.since - b.since || (a.deploymentId < b.deploymentId ? -1 : 1)).map(({ jobId }) => jobId),
        )
        expect(ids).not.toContain(lock.holder?.jobId)
      }),
    )
  })
  test('goes to the first in the queue, and to nobody while a lost write may be open', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        acts.reduce((lock, action) => {
          const after = doAct(lock, action)
          if (after.holder !== undefined && after.holder.jobId !== lock.holder?.jobId) {
            const first = action.kind === 'ask' ? entryOf(action.index) : undefined
            expect(after.holder.jobId).toBe(first?.jobId)
            if (lock.queue[0] !== undefined && lock.queue[0].jobId !== first?.jobId)
              expect(first?.since).toBeLessThanOrEqual(lock.queue[0].since)
            if (action.kind === 'ask') expect(lock.cooling?.until ?? 0).toBeLessThanOrEqual(action.now)
          }
          return after
        }, free)
      }),
    )
  })
  test('is handed to everyone in turn when each releases it', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 }), (order) => {
        let lock = order.reduce((state, index) => admit(state, entryOf(index), 100), free)
        const served: string[] = []
        while (lock.holder !== undefined) {
          served.push(lock.holder.jobId)
          lock = release(lock, lock.holder)
          for (const entry of lock.queue) lock = admit(lock, entry, 100)
        }
        expect(served.toSorted()).toEqual(order.map((index) => `job_${index}`).toSorted())
        // The first was served because it asked first; all others by when they became ready.
        expect(served.slice(1)).toEqual(served.slice(1).toSorted())
      }),
    )
  })
  test('is the same object when asking again changes nothing', () => {
    const held = admit(free, entryOf(0), 100)
    expect(admit(held, entryOf(0), 200)).toBe(held)
    const waits = admit(held, entryOf(1), 100)
    expect(admit(waits, entryOf(1), 200)).toBe(waits)
    expect(release(waits, entryOf(5))).toBe(waits)
  })
  test('says for whom a job waits', () => {
    const held = admit(admit(free, entryOf(0), Date.UTC(2026, 0, 2, 3, 4, 5)), entryOf(1), 0)
    const blocker = blockerOf(held, entryOf(1), 0)
    expect(blocker && reasonOf(blocker, name)).toBe('deployment dep_0 holds Helm release web in shop (step s, since 2026-01-02T03:04:05Z)')
    const ahead = blockerOf({ queue: [entryOf(0), entryOf(2)] }, entryOf(2), 0)
    expect(ahead && reasonOf(ahead, { ...name, subject: 'inventory:app' })).toBe(
      'deployment dep_0 is before it in the queue for inventory app in shop (step s)',
    )
    const cold = cool(release(held, entryOf(0)), 'dep_0', 2000)
    expect(isHolder(admit(cold, entryOf(1), 1999), entryOf(1))).toBe(false)
    expect(isHolder(admit(cold, entryOf(1), 2000), entryOf(1))).toBe(true)
    const cooling = blockerOf(cold, entryOf(1), 1999)
    expect(cooling && reasonOf(cooling, name)).toBe(
      'a write of a lost attempt of deployment dep_0 may still change Helm release web in shop until 1970-01-01T00:00:02Z',
    )
  })
})
