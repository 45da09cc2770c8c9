import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClaim } from './claim.ts'

const settledOf = async (promise: Promise<void>): Promise<'open' | 'proven' | string> =>
  Promise.race([
    promise.then(
      () => 'proven',
      (error: Error) => error.message,
    ),
    new Promise<string>((resolve) => setImmediate(resolve, 'open')),
  ])

test('a proof counts from when it was asked for', () => {
  let now = 0
  const claim = createClaim({ claimMs: 8000, now: () => now })
  expect(claim.state()).toBe('unproven')
  now = 5000
  claim.renewed(1000)
  now = 8999
  expect(claim.state()).toBe('proven')
  now = 9000
  expect(claim.state()).toBe('unproven')
  claim.renewed(500)
  expect(claim.state()).toBe('unproven')
})

test('who waits goes on with the proof, unless its time is over first', async () => {
  let now = 0
  const claim = createClaim({ claimMs: 10, now: () => now })
  const leaving = new AbortController()
  const waiting = claim.whenProven()
  const left = claim.whenProven(leaving.signal)
  leaving.abort(new Error('no time left'))
  expect(await settledOf(left)).toBe('no time left')
  now = 100
  claim.renewed(50)
  expect(await settledOf(waiting)).toBe('open')
  claim.renewed(95)
  expect(await settledOf(waiting)).toBe('proven')
  now = 200
  await expect(claim.whenProven(leaving.signal)).rejects.toThrow('no time left')
})

test('another attempt is the end for all who wait and all who come', async () => {
  const claim = createClaim({ claimMs: 10 })
  let told = 0
  claim.onSuperseded(() => told++)
  const waiting = claim.whenProven()
  claim.supersede()
  claim.supersede()
  claim.renewed(performance.now())
  claim.onSuperseded(() => told++)
  expect(told).toBe(2)
  expect(claim.state()).toBe('superseded')
  expect(await settledOf(waiting)).toContain('another attempt')
  await expect(claim.whenProven()).rejects.toMatchObject({ code: 'gate_superseded' })
})

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('renew' as const), ago: fc.nat(12_000) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), ago: fc.nat(12_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('supersede' as const), ago: fc.constant(0) }) },
)

test('is never proven later than a claim after its latest proof was asked for, and never again once superseded', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = 100_000
      let latest = Number.NEGATIVE_INFINITY
      let over = false
      const claim = createClaim({ claimMs: 8000, now: () => now })
      for (const { do: what, ago } of steps) {
        if (what === 'renew') {
          claim.renewed(now - ago)
          latest = Math.max(latest, now - ago)
        } else if (what === 'pass') now += ago
        else {
          claim.supersede()
          over = true
        }
        expect(claim.state()).toBe(over ? 'superseded' : now < latest + 8000 ? 'proven' : 'unproven')
      }
    }),
  )
})

test('nobody passes before the proof, everybody after it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.nat(7999), async (count, lag) => {
      const now = 50_000
      const claim = createClaim({ claimMs: 8000, now: () => now })
      let passed = 0
      const all = Array.from({ length: count }, () => claim.whenProven().then(() => passed++))
      await Promise.resolve()
      expect(passed).toBe(0)
      claim.renewed(now - lag)
      await Promise.all(all)
      expect(passed).toBe(count)
    }),
    { numRuns: 50 },
  )
})
