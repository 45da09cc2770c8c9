import { setTimeout as sleep } from 'node:timers/promises'
import { logOnce } from '../../model/log-once.ts'
import { LostTurn, type RotationDeps, type RotationTimes } from './held.ts'
import { createWithin, type PlaceTimes } from './places.ts'
import { takeFurther } from './run.ts'

/** Accounts that are worked on at a time: most of them wait for a refusal. */
const atOnce = 250
const lookMs = 500
/** Targets that were added since are found so often, in ms; one that somebody asks something of at once. */
const enrolMs = 60_000

const rotationTimes: RotationTimes = { turnMs: 15_000, drainMs: 60_000, dueDrainMs: 300_000, confirmMs: 30_000, againMs: 30_000 }

/**
 * Starts the loop that rotates accounts when they are due, or when somebody asks for it. Several servers may run it: each account is one's at a time.
 * @returns settles when the loop has ended after the signal; what it was at is gone on with by whoever comes next
 */
export const startRotation = (
  options: Omit<RotationDeps, 'within' | 'times'> & {
    readonly times?: Partial<RotationTimes>
    readonly placeTimes?: Partial<PlaceTimes>
    readonly signal: AbortSignal
  },
): { readonly stopped: Promise<void> } => {
  const { journal, log, signal } = options
  const deps: RotationDeps = {
    ...options,
    times: { ...rotationTimes, ...options.times },
    within: createWithin(journal.places, options.placeTimes),
  }
  const running = new Map<string, Promise<void>>()
  const said = logOnce(log, 'accounts cannot be rotated')

  const one = async (name: string): Promise<void> => {
    const turn = await journal.claim(name, deps.times.turnMs)
    if (turn === undefined) return
    const begunAt = performance.now()
    const at = await takeFurther(turn, deps).catch((thrown: unknown) => {
      if (thrown instanceof LostTurn) return undefined
      log({
        level: 'warn',
        msg: 'a rotation waits',
        target: name,
        state: turn.rotation.state,
        error: thrown instanceof Error ? thrown.message : String(thrown),
      })
      return turn.now + (performance.now() - begunAt) + deps.times.againMs
    })
    if (at !== undefined) await journal.release(turn, at)
  }
  const look = async (): Promise<void> => {
    for (const name of await journal.due(atOnce)) {
      if (running.size >= atOnce || signal.aborted) return
      if (running.has(name)) continue
      const work = one(name)
        .catch(said.failed)
        .finally(() => running.delete(name))
      running.set(name, work)
    }
    said.well()
  }
  const run = async (): Promise<void> => {
    for (let enrolledAt = Number.NEGATIVE_INFINITY; !signal.aborted; ) {
      try {
        if (performance.now() - enrolledAt > enrolMs) {
          await journal.enrol()
          enrolledAt = performance.now()
        }
        await look()
      } catch (error) {
        said.failed(error)
      }
      await sleep(lookMs, undefined, { signal }).catch(() => {})
    }
  }
  return { stopped: run() }
}
