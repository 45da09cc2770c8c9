import type { FailureClass } from '../model/verdict.ts'

/** How long a trouble may last before it is a failure, in ms: some heal by themselves. */
export interface Graces {
  readonly imagePull: number
  readonly containerConfig: number
  readonly unschedulable: number
  /** Pods that cannot be created at all: quota, admission, a missing service account. */
  readonly noPods: number
  /** An object that was written and is gone. */
  readonly vanished: number
  /** Nothing changed at all. */
  readonly noActivity: number
  /** Restarts since the attempt began that make a crash loop. */
  readonly restarts: number
}

export const defaultGraces: Graces = {
  imagePull: 20_000,
  containerConfig: 30_000,
  unschedulable: 180_000,
  noPods: 30_000,
  vanished: 10_000,
  noActivity: 240_000,
  restarts: 2,
}

/** A reason why an object is not current, found below it. */
export interface Trouble {
  readonly class: FailureClass
  /** The pod or object that has it. */
  readonly kind: string
  readonly name: string
  readonly container?: string
  readonly message: string
  /** How long it may last, in ms; 0 fails at once. */
  readonly graceMs: number
}
