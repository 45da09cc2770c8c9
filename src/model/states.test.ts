import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  deploymentResult,
  isActive,
  isTerminal,
  type JobEvent,
  type JobState,
  jobResult,
  newJobState,
  terminalStatuses,
  transition,
} from './states.ts'

const attempt = fc.integer({ min: 0, max: 4 })
const end = fc.record({ status: fc.constantFrom(...terminalStatuses), sentence: fc.constant('it ended') })
const event: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.record({ type: fc.constant('admit' as const) }),
  fc.record({ type: fc.constant('start' as const), worker: fc.constantFrom('wrk_a', 'wrk_b') }),
  fc.record({ type: fc.constantFrom('run' as const, 'verify' as const, 'requeue' as const), attempt }),
  fc.record({ type: fc.constantFrom('finish' as const, 'end' as const), attempt, end }),
  fc.record({ type: fc.constant('retry' as const), attempt, end, notBefore: fc.nat() }),
  fc.record({ type: fc.constantFrom('run' as const, 'verify' as const), attempt, worker: fc.constantFrom('wrk_a', 'wrk_b') }),
  fc.record({ type: fc.constant('finish' as const), attempt, end, worker: fc.constantFrom('wrk_a', 'wrk_b') }),
  fc.record({ type: fc.constant('cancel' as const), force: fc.boolean() }),
)

/** Random words alone rarely get far: half of the events name the current attempt, as a real worker's would. */
const walk = (
  events: readonly JobEvent[],
  apt: readonly boolean[],
): { before: JobState; event: JobEvent; after: JobState; ok: boolean }[] => {
  let state = newJobState
  return events.map((raw, index) => {
    const event = 'attempt' in raw && apt[index] ? { ...raw, attempt: state.attempt } : raw
    const before = state
    const step = transition(before, event)
    if (step.ok) state = step.state
    return { before, event, after: state, ok: step.ok }
  })
}
const walks = fc
  .tuple(fc.array(event, { maxLength: 60 }), fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }))
  .map(([events, apt]) => walk(events, apt))

const holds = (property: (step: ReturnType<typeof walk>[number]) => boolean): void =>
  fc.assert(
    fc.property(walks, (steps) => steps.every(property)),
    { numRuns: 500 },
  )

describe('transition', () => {
  test('leads nowhere out of a terminal status', () => {
    holds(({ before, after, ok }) => !isTerminal(before.status) || (!ok && after === before))
  })
  test('never lets the attempt fall, and raises it by one only with a start', () => {
    holds(({ before, event, after }) =>
      event.type === 'start' && after !== before ? after.attempt === before.attempt + 1 : after.attempt === before.attempt,
    )
  })
  test('refuses what another worker says, although it names the current attempt', () => {
    holds(({ before, event, ok }) => event.type === 'start' || !('worker' in event) || event.worker === before.worker || !ok)
  })
  test('refuses what another attempt says', () => {
    holds(({ before, event, ok }) => !('attempt' in event) || event.attempt === before.attempt || !ok)
  })
  test('goes through admission before a start and through a start before any work', () => {
    const cameFrom = { preparing: 'admitted', running: 'preparing', verifying: 'running' } as const
    for (const [status, from] of Object.entries(cameFrom)) {
      holds(({ before, after }) => after.status !== status || before.status === status || before.status === from)
    }
    holds(({ after }) => !isActive(after.status) || after.attempt > 0)
  })
  test('gives every terminal status an end that says the same, and no other status one', () => {
    holds(({ after }) => (isTerminal(after.status) ? after.end?.status === after.status : after.end === undefined))
  })
  test('has a worker exactly while one holds the job', () => {
    holds(({ after }) => (isActive(after.status) ? after.worker !== undefined : isTerminal(after.status) || after.worker === undefined))
  })
  test('counts each retry once, and waits only before it', () => {
    holds(({ before, event, after }) => {
      const isRetry = event.type === 'retry' && after !== before && !isTerminal(after.status)
      return (after.retries ?? 0) === (before.retries ?? 0) + (isRetry ? 1 : 0)
    })
    holds(({ after }) => after.notBefore === undefined || after.status === 'admitted')
    holds(({ before, event, after }) => event.type !== 'retry' || !before.cancelRequested || after === before || isTerminal(after.status))
  })
  test('never makes a success of what was to be cancelled', () => {
    holds(({ before, after }) => !before.cancelRequested || after === before || after.status !== 'succeeded')
    holds(({ before, after }) => !before.cancelRequested || after.cancelRequested)
  })
  test('ends what has not started at once when it is cancelled', () => {
    holds(
      ({ before, event, after }) =>
        event.type !== 'cancel' || isActive(before.status) || isTerminal(before.status) || after.status === 'cancelled',
    )
  })
  test('does not change the state it is given', () => {
    fc.assert(
      fc.property(event, (given) => {
        const state = Object.freeze({ ...newJobState })
        transition(state, given)
        expect(state).toEqual(newJobState)
      }),
    )
  })
})

describe('deploymentResult', () => {
  test('is a success only when everything that ran succeeded', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...terminalStatuses), { minLength: 1 }), (statuses) => {
        const result = deploymentResult(statuses)
        expect(result === 'success').toBe(
          statuses.includes('succeeded') && statuses.every((status) => status === 'succeeded' || status === 'skipped'),
        )
      }),
    )
  })
  test('is the result of one of its jobs, whatever their order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...terminalStatuses), { minLength: 1 }), (statuses) => {
        const result = deploymentResult(statuses)
        expect(statuses.map(jobResult)).toContain(result)
        expect(deploymentResult(statuses.toReversed())).toBe(result)
      }),
    )
  })
})
