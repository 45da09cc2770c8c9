import { TelpherError } from '../model/errors.ts'

/** What is known of the claim: proof forwards, the want of proof holds, the proof of the opposite shuts. */
type ClaimState = 'proven' | 'unproven' | 'superseded'

export interface Claim {
  state(): ClaimState
  /** The claim was renewed. @param sentAt when that was asked, by the monotonic clock, in ms */
  renewed(sentAt: number): void
  /** Another attempt took over, or this one has ended: there is no way back. */
  supersede(): void
  /**
   * Resolves at once while proven, else with the next proof.
   * @throws TelpherError gate_superseded; the signal's reason when it is aborted first
   */
  whenProven(signal?: AbortSignal): Promise<void>
  /** Calls back when superseded; at once when it already is. */
  onSuperseded(listener: () => void): void
}

const superseded = (): TelpherError => new TelpherError('gate_superseded', 'another attempt took over this job')

/**
 * The guard of one attempt's claim. A proof counts from when its renewal was sent, so that a slow answer never makes it
 * longer than Redis holds it.
 * @param options.claimMs how long a renewal proves
 * @param options.now monotonic clock in ms
 */
export const createClaim = (options: { readonly claimMs: number; readonly now?: () => number }): Claim => {
  const now = options.now ?? (() => performance.now())
  let provenUntil = Number.NEGATIVE_INFINITY
  let over = false
  const waiting = new Set<{ resolve(): void; reject(error: Error): void }>()
  const listeners = new Set<() => void>()

  const state = (): ClaimState => {
    if (over) return 'superseded'
    return now() < provenUntil ? 'proven' : 'unproven'
  }
  return {
    state,
    renewed(sentAt) {
      if (over) return
      provenUntil = Math.max(provenUntil, sentAt + options.claimMs)
      if (state() !== 'proven') return
      for (const { resolve } of waiting) resolve()
      waiting.clear()
    },
    supersede() {
      if (over) return
      over = true
      for (const { reject } of waiting) reject(superseded())
      waiting.clear()
      for (const listener of listeners) listener()
      listeners.clear()
    },
    async whenProven(signal) {
      const current = state()
      if (current === 'superseded') throw superseded()
      if (current === 'proven') return
      signal?.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const waiter = { resolve, reject }
      const abort = (): void => reject(signal?.reason)
      waiting.add(waiter)
      signal?.addEventListener('abort', abort, { once: true })
      try {
        await promise
      } finally {
        waiting.delete(waiter)
        signal?.removeEventListener('abort', abort)
      }
    },
    onSuperseded(listener) {
      if (over) listener()
      else listeners.add(listener)
    },
  }
}
