/** A file of the job's working directory. */
export interface PlanFile {
  /** Relative to the working directory, with `/`. */
  readonly path: string
  /** Permission bits, such as 0o600. */
  readonly mode: number
  readonly content: Uint8Array | string
}

/** What a step comes to, before anything runs: pure data, so that it can be tested and shown. */
export interface StepPlan {
  readonly argv: readonly string[]
  /** The complete environment of the program: it inherits nothing. */
  readonly env: Readonly<Record<string, string>>
  readonly files: readonly PlanFile[]
  /** The namespace that objects without one go to. */
  readonly namespace: string
  /**
   * Whether the worker judges beside the running program: helm with post-install hooks waits for ready pods itself,
   * so a crash loop must be able to end it early.
   */
  readonly judgeWhileRunning: boolean
}
