import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newRotation, type Rotation, type RotationEvent, rotate } from './rotation.ts'

const events: fc.Arbitrary<RotationEvent> = fc.oneof(
  fc.record({
    type: fc.constant('begin' as const),
    id: fc.string(),
    source: fc.constantFrom('minted' as const, 'given' as const),
    hurry: fc.boolean(),
  }),
  fc.record({ type: fc.constant('made' as const), uid: fc.string() }),
  fc.constant({ type: 'lost' } as const),
  fc.constant({ type: 'sealed' } as const),
  fc.constant({ type: 'verified' } as const),
  fc.constant({ type: 'switched' } as const),
  fc.constant({ type: 'waits', code: 'rotation_barrier', sentence: 'no' } as const),
  fc.constant({ type: 'revoke' } as const),
  fc.record({ type: fc.constant('dead' as const), version: fc.integer({ min: 1, max: 12 }) }),
  fc.constant({ type: 'closed' } as const),
  fc.constant({ type: 'failed', code: 'rotation_unverified', sentence: 'no' } as const),
  fc.constant({ type: 'rolledBack' } as const),
)

/** What is done to it in turn; an event that is not allowed changes nothing. */
const run = (all: readonly RotationEvent[], see: (before: Rotation, event: RotationEvent, after: Rotation) => void): void => {
  let rotation = newRotation(1, 0)
  for (const [at, event] of all.entries()) {
    // Only what is to be dead is ever seen dead.
    if (event.type === 'dead' && !rotation.unconfirmed.some(({ version }) => version === event.version)) continue
    let after: Rotation
    try {
      after = rotate(rotation, event, at + 1)
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'internal', message: expect.stringContaining(rotation.state) })
      continue
    }
    see(rotation, event, after)
    rotation = after
  }
}

test('whatever happens: the used version is never one that is to be dead, and no number is given twice', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (all) => {
      const given = new Set([1])
      run(all, (_, event, after) => {
        expect(after.unconfirmed.map(({ version }) => version)).not.toContain(after.version)
        expect(new Set(after.unconfirmed.map(({ version }) => version)).size).toBe(after.unconfirmed.length)
        expect(after.last).toBeGreaterThanOrEqual(after.version)
        expect(after.kept).not.toContain(after.version)
        if (event.type !== 'begin') return
        expect(given.has(after.next ?? 0)).toBe(false)
        given.add(after.next ?? 0)
      })
    }),
    { numRuns: 2000 },
  )
})

test('the used version changes by a switch or a rollback alone, and each has its record kept', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (all) => {
      run(all, (before, event, after) => {
        if (before.version === after.version) return
        expect(['switched', 'rolledBack']).toContain(event.type)
        expect(before.kept).toContain(after.version)
        expect(after.kept).toContain(before.version)
        if (event.type === 'switched') expect(before.state).toBe('verified')
      })
    }),
    { numRuns: 2000 },
  )
})

test('what is to be dead keeps its record until it was seen dead, and only then is a rotation confirmed', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60 }), (all) => {
      run(all, (before, event, after) => {
        for (const { version } of after.unconfirmed) expect(after.kept).toContain(version)
        for (const { version } of before.unconfirmed)
          if (!after.unconfirmed.some((one) => one.version === version)) expect(event).toMatchObject({ type: 'dead', version })
        if (after.state === 'confirmed' && before.state !== 'confirmed') expect(event).toEqual({ type: 'dead', version: before.previous })
      })
    }),
    { numRuns: 2000 },
  )
})

const through = (...all: readonly RotationEvent[]): Rotation =>
  all.reduce((rotation, event) => rotate(rotation, event, 5), newRotation(3, 0))
const begin = { type: 'begin', id: 'rot_1', source: 'minted', hurry: false } as const

test('a rotation from its begin to its end', () => {
  const done = through(
    begin,
    { type: 'made', uid: 'u' },
    { type: 'sealed' },
    { type: 'verified' },
    { type: 'switched' },
    { type: 'revoke' },
    { type: 'dead', version: 3 },
    { type: 'closed' },
  )
  expect(done).toEqual({ state: 'stable', version: 4, last: 4, since: 5, rotatedAt: 5, provenAt: 5, kept: [], unconfirmed: [] })
})

test('one that fails leaves the version that was used, counts, and has the new one killed when it was stored', () => {
  const failed = through(
    begin,
    { type: 'sealed' },
    { type: 'failed', code: 'rotation_unverified', sentence: 'it is refused', expiresAt: 9 },
  )
  expect(failed).toMatchObject({
    state: 'stable',
    version: 3,
    last: 4,
    kept: [4],
    unconfirmed: [{ version: 4, expiresAt: 9 }],
    trouble: { tries: 1 },
  })
  const again = [begin, { type: 'failed', code: 'rotation_mint', sentence: 'no' } as const].reduce(
    (one, event) => rotate(one, event, 6),
    failed,
  )
  expect(again).toMatchObject({ last: 5, trouble: { tries: 2, code: 'rotation_mint' } })
})

test('one that jobs are refused with goes back, and counts as failed until another has held', () => {
  const why = { code: 'rotation_undone', sentence: '3 of 3 attempts were refused' } as const
  const back = through(begin, { type: 'sealed' }, { type: 'verified' }, { type: 'switched' }, { type: 'rolledBack', why })
  expect(back).toMatchObject({ state: 'stable', version: 3, kept: [4], unconfirmed: [{ version: 4 }], trouble: { ...why, tries: 1 } })
  const again = [{ ...begin, isDue: true }, { type: 'sealed' }, { type: 'verified' }, { type: 'switched' }] as const
  const switched = again.reduce<Rotation>((one, event) => rotate(one, event, 6), back)
  expect(switched).toMatchObject({ state: 'draining', version: 5, isDue: true, trouble: { tries: 1 } })
  expect(rotate(switched, { type: 'revoke' }, 7).trouble).toBeUndefined()
})

test('one that cannot revoke yet says so, and no longer when it has', () => {
  const waits = { type: 'waits', code: 'rotation_replicas', sentence: 'one lags' } as const
  const waiting = through(begin, { type: 'sealed' }, { type: 'verified' }, { type: 'switched' }, waits)
  expect(waiting).toMatchObject({ state: 'draining', since: 5, trouble: { code: 'rotation_replicas', at: 5 } })
  expect(rotate(waiting, { type: 'revoke' }, 6).trouble).toBeUndefined()
})

test('one whose old credential is not seen dead goes on to the next, and keeps it on its list', () => {
  const next = through(
    begin,
    { type: 'sealed' },
    { type: 'verified' },
    { type: 'switched' },
    { type: 'revoke', expiresAt: 7 },
    { ...begin, id: 'rot_2' },
  )
  expect(next).toMatchObject({ state: 'intent', version: 4, next: 5, unconfirmed: [{ version: 3, expiresAt: 7 }], kept: [3] })
})
