import type { JobStatus } from './states.ts'

/** One field that is not the same in both; absent where a deployment does not have it. */
export interface FieldChange {
  readonly field: string
  readonly a?: string
  readonly b?: string
}

export interface FileChange {
  readonly path: string
  readonly change: 'added' | 'removed' | 'changed'
  /** SHA-256 of the files; absent where a part of them is hidden, as it would let that be guessed. */
  readonly a?: string
  readonly b?: string
  /** Lines of a unified diff. */
  readonly diff?: readonly string[]
  /** Why there is no diff, or not all of it. */
  readonly note?: string
}

export interface PackageChange {
  /** SHA-256 of the packages. */
  readonly a: string
  readonly b: string
  readonly files: readonly FileChange[]
  /** Why the files are not all here. */
  readonly note?: string
}

export interface StepChange {
  readonly step: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly fields: readonly FieldChange[]
  readonly package?: PackageChange
}

/** How a job ended, or how it stands. */
export interface Outcome {
  readonly status: JobStatus
  readonly code?: string
  readonly sentence?: string
  readonly attempts: number
}

/** What differs between two deployments. */
export interface RunDiff {
  readonly a: string
  readonly b: string
  /** Whether everything but the times is the same. */
  readonly same: boolean
  /** Name, tag, inputs, and whatever else was asked for. */
  readonly request: readonly FieldChange[]
  readonly steps: readonly StepChange[]
  readonly targets: { readonly onlyA: readonly string[]; readonly onlyB: readonly string[] }
  readonly results: readonly { readonly step: string; readonly target: string; readonly a?: Outcome; readonly b?: Outcome }[]
  /** Image, tools and server version, where both ran a step on a target, and with something else. */
  readonly tools: readonly { readonly step: string; readonly target: string; readonly fields: readonly FieldChange[] }[]
  /** ms from creation to end, and for each step the longest time that it took on a target. */
  readonly timings: {
    readonly totalA?: number
    readonly totalB?: number
    readonly steps: readonly { readonly step: string; readonly a?: number; readonly b?: number }[]
  }
}
