import type { FailureClass } from '../model/verdict.ts'

/** How long a trouble may last before it is a failure, in ms: some heal by themselves. */
export interface Graces {
  /** An image that cannot be pulled, after `pulls` attempts. */
  readonly imagePull: number
  readonly pulls: number
  /** An image that cannot be pulled, however often it was tried. */
  readonly imagePullLongest: number
  readonly containerConfig: number
  /** No node, no volume: an autoscaler may add one. */
  readonly unschedulable: number
  /** Pods that cannot be created at all: quota, admission, a missing service account. */
  readonly noPods: number
  /** A custom resource whose controller says that it failed: controllers try again. */
  readonly custom: number
  /** A custom resource without a status: after this nobody is expected to write one. */
  readonly statusless: number
  /** An object that was written and is gone. */
  readonly vanished: number
  /** Nothing changed at all. */
  readonly noActivity: number
  /** Restarts since the attempt began that make a crash loop. */
  readonly restarts: number
}

export const defaultGraces: Graces = {
  imagePull: 20_000,
  pulls: 2,
  imagePullLongest: 60_000,
  containerConfig: 30_000,
  unschedulable: 180_000,
  noPods: 30_000,
  custom: 30_000,
  statusless: 5000,
  vanished: 10_000,
  noActivity: 240_000,
  restarts: 2,
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
