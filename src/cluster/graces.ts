import { type GraceName, graceNames, graceTable, type Graces as Settings } from '../model/graces.ts'
import type { FailureClass } from '../model/verdict.ts'

/** An image is tried as often as this before it has failed, unless that takes longer than `imagePullLongest`. */
const pulls = 2
/** The time for an image that was tried once: as many times the usual one. The kubelet waits 10 s, then 20 s, then 40 s between two tries. */
const longer = 3

/** The model's graces in ms, `restarts` as a count. */
export interface Graces extends Readonly<Record<GraceName, number>> {
  readonly pulls: number
  readonly imagePullLongest: number
}

/** @param settings what the step and its target say otherwise */
export const gracesOf = (settings: Settings = {}): Graces => {
  const entries = graceNames.map((name) => {
    const { usual, unit } = graceTable[name]
    return [name, (settings[name] ?? usual) * (unit === 's' ? 1000 : 1)]
  })
  const graces = Object.fromEntries(entries) as Record<GraceName, number>
  return { ...graces, pulls, imagePullLongest: graces.imagePull * longer }
}

/** A reason why an object is not current, found in it or below it. */
export interface Trouble {
  readonly class: FailureClass
  /** The pod or object that has it. */
  readonly kind: string
  readonly name: string
  readonly container?: string
  /** What a person reads: what is wrong, with the names that it takes to act. */
  readonly message: string
  /** How long it may last, in ms: 0 fails at once, Infinity never by itself. */
  readonly graceMs: number
  /** How often it has to be tried within the grace; what it is called while it is tried anew. */
  readonly attempts?: { readonly needed: number; readonly isNew: boolean; readonly longestMs: number }
}
