import type { SealedRecord } from '../../model/credential.ts'
import type { Deployment, Job, JobRef, RunState, StoredEvent } from '../../model/deployment.ts'
import type { ToolsUsed } from '../../model/image.ts'
import type { LedgerEntry } from '../../model/ledger.ts'
import type { Loss } from '../../model/loss.ts'
import type { PackageKey, SealedPackage } from '../../model/package.ts'
import type { Events, Ledger } from '../../model/ports.ts'
import type { Answer } from '../../model/producer.ts'
import type { Signed } from '../../model/signature.ts'
import type { JobEvent, Transition } from '../../model/states.ts'
import type { Failure, ObjectProgress } from '../../model/verdict.ts'

export interface Packages {
  /** Stores a package; one of the same id that is there already stays, with its own key. @throws TelpherError package_missing */
  put(sealed: SealedPackage & { readonly key: PackageKey }): Promise<void>
  /** Counts as a use. */
  has(id: string): Promise<boolean>
  /** As it was sealed; counts as a use. @throws TelpherError package_missing */
  get(id: string): Promise<SealedPackage>
  /** Its key; undefined when it is not there. */
  key(id: string): Promise<PackageKey | undefined>
  /** Puts a key in the place of the one that was read. */
  changeKey(id: string, before: PackageKey, after: PackageKey): Promise<void>
  /** One that cannot be opened, so that it can be uploaded again. */
  remove(id: string): Promise<void>
  /** What producers seal the keys of packages to, raw in base64 and signed; undefined before a server said it. */
  uploadTo(): Promise<Signed | undefined>
  setUploadTo(sealTo: Signed): Promise<void>
}

/** A job with what only the scheduler and the watchdog look at; times by the clock of Redis, in ms. */
export interface JobSnapshot {
  readonly job: Job
  /** When it was last admitted (or handed back to be started again). */
  readonly admittedAt?: number
  /** When the current attempt last proved its claim. */
  readonly renewedAt?: number
  /** Whether its lock was given back after its end. */
  readonly settled: boolean
}

export interface DeploymentPatch {
  readonly result?: Deployment['result']
  readonly startedAt?: number
  readonly endedAt?: number
}

/** Which deployments are listed. */
export interface ListOptions {
  /** At most so many. */
  readonly limit: number
  /** Only those older than this id. */
  readonly cursor?: string
  /** When they were created, both inclusive, in ms since the epoch. */
  readonly since?: number
  readonly until?: number
  /** Which of them are wanted; all when absent. */
  readonly matches?: (deployment: Deployment) => boolean
}

export interface Deployments {
  /** Stores it with its jobs, its first event, and wakes the schedulers. @param secrets sealed for it alone */
  create(deployment: Deployment, jobs: readonly Job[], secrets?: readonly SealedRecord[]): Promise<void>
  /** @throws TelpherError unknown_deployment */
  get(id: string): Promise<{ readonly deployment: Deployment; readonly jobs: Job[] }>
  /** Newest first. @param options.limit at most so many; `next` is the cursor of the page after */
  list(options: ListOptions): Promise<{ readonly deployments: Deployment[]; readonly next?: string }>
  /** Ids of those not finished, oldest first. */
  active(): Promise<string[]>
  /**
   * Compare-and-set on the state, with the `deployment` event in the same script; `finished` starts the retention.
   * @param options.onlySettled leaves it as it is while one of its jobs is not settled: a Redis that lost their ends has them run once more
   */
  advance(id: string, from: RunState, to: RunState, patch: DeploymentPatch, options?: { readonly onlySettled?: boolean }): Promise<boolean>
  /** What the scheduler looks at. @throws TelpherError unknown_deployment */
  snapshot(id: string): Promise<{ readonly deployment: Deployment; readonly jobs: readonly JobSnapshot[] }>
  /**
   * Looks at some of all that are kept, others each time, and puts those that have not finished on the list of the active ones: a fail-over
   * of another master may lose an end that took them off it.
   * @returns those that were not on it
   */
  relist(): Promise<readonly string[]>
  /** Takes an id off the list of the active ones: for one whose record is gone. */
  forget(id: string): Promise<void>
}

/** What came of an event: the transition, and the job as it now is. */
export type Applied = Transition & { readonly job: Job }

/** What is told along with an event; a verdict has at least its notes. */
export interface JobReport {
  readonly failure?: Failure
  readonly objects?: readonly ObjectProgress[]
  readonly notes?: readonly string[]
  /** The attempt was lost with its worker. */
  readonly loss?: Loss
  /** What the attempt runs with, told when it begins to. */
  readonly tools?: ToolsUsed
}

export interface Jobs {
  /** @throws TelpherError unknown_deployment */
  get(ref: JobRef): Promise<Job>
  /**
   * transition() by compare-and-set on a version, tried again on conflict; the `job` event (and `verdict` when the
   * report has notes) is appended in the same script. Safe to repeat after a redis_timeout: what was already applied
   * by the same attempt (run, verify, finish with the same end) is answered as done.
   * @throws TelpherError unknown_deployment, redis_timeout, redis_unreachable
   */
  apply(ref: JobRef, event: JobEvent, report?: JobReport): Promise<Applied>
  /** Says why a job waits; an event only when the reason changed, nothing once the job has started. */
  waiting(ref: JobRef, reason: string): Promise<void>
  /** Notes that the lock of an ended job was given back. */
  settle(ref: JobRef): Promise<void>
  /** Whether a job is settled, or nobody knows it: nobody gives back any more what it has. */
  isOver(ref: JobRef): Promise<boolean>
}

export interface Idempotency {
  /** @throws TelpherError idempotency_mismatch when the key came with another body; idempotency_in_flight */
  begin(
    key: string,
    bodyHash: string,
  ): Promise<{ readonly state: 'new' } | { readonly state: 'done'; readonly status: number; readonly body: string }>
  finish(key: string, status: number, body: string): Promise<void>
  forget(key: string): Promise<void>
}

export interface DeploymentEvents extends Events {
  /**
   * Events after an id, oldest first.
   * @param options.follow waits for more, until the deployment's `finished` event was delivered or the signal aborts
   * @throws TelpherError unknown_deployment
   */
  read(options: { readonly after?: string; readonly signal?: AbortSignal; readonly follow: boolean }): AsyncIterable<StoredEvent>
}

/** A submission as a server takes it: who it says it is from is not yet proven. */
export interface Submitted extends Signed {
  /** Where it lies in the inbox. */
  readonly entry: string
  readonly producer: string
  /** By which it is answered. */
  readonly id: string
}

/** What producers submit, taken by one server each, and taken again when that one died. */
export interface Inbox {
  /**
   * Submits and waits for the answer.
   * @param waitMs how long
   * @returns undefined when no server answered in time: it may still take it until it expires
   * @throws TelpherError redis_timeout, redis_unreachable, redis_full
   */
  submit(submission: Omit<Submitted, 'entry'>, waitMs: number): Promise<Answer | undefined>
  /** Waits some seconds for submissions that no other server has. @param server tells this one from others */
  take(server: string, signal: AbortSignal): Promise<Submitted[]>
  /** Answers and removes it. */
  answer(submitted: Submitted, answer: Answer): Promise<void>
}

export interface JobLedger extends Ledger {
  /** By attempt and number. */
  read(): Promise<LedgerEntry[]>
}
