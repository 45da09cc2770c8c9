import type { ToolsUsed } from './image.ts'
import type { Loss } from './loss.ts'
import type { JobState, JobStatus, Result } from './states.ts'
import type { DeploymentRequest, Step } from './step.ts'
import type { TraceContext } from './trace.ts'
import type { Failure, ObjectProgress } from './verdict.ts'

/** Where a job is stored: its deployment's id is part of its address (and of its hash tag in Redis). */
export interface JobRef {
  readonly deploymentId: string
  readonly jobId: string
}

/** The nth start of a job; the number is also what fences it. */
export interface AttemptRef extends JobRef {
  readonly attempt: number
}

/** One step against one target: the unit in the queue. */
export interface Job extends JobRef, JobState {
  readonly step: Step
  /** Index of the step within the deployment. */
  readonly stepIndex: number
  readonly target: string
  readonly pool: string
  readonly lock: LockName
  readonly createdAt: number
  /** When the time of its whole deployment is over, ms since the epoch; absent for never. */
  readonly endBy?: number
  /** That of its deployment. */
  readonly trace?: TraceContext
  /** That of its deployment. */
  readonly needs?: number
  /** When it was last admitted, by the clock of the server that did it; absent in records of before it was kept. */
  readonly admittedAt?: number
  readonly startedAt?: number
  readonly endedAt?: number
  /** Why it waits, as a sentence: the lock's holder, no worker, the step before. */
  readonly waitsFor?: string
  readonly failure?: Failure
  readonly objects?: readonly ObjectProgress[]
  /** What its last attempt ran with. */
  readonly tools?: ToolsUsed
  /** Its attempts that were lost with their workers, the oldest first. */
  readonly losses?: readonly Loss[]
  /** The job whose success stands for this one: a retry does not run it again, and it is `skipped` from the beginning. */
  readonly carried?: JobRef
}

/** What a lock guards: one Helm release or inventory, in one namespace of one cluster. */
export interface LockName {
  readonly clusterId: string
  readonly namespace: string
  /** `helm:<release>` or `inventory:<step name>`. */
  readonly subject: string
}

/** OpenTelemetry CI/CD run states. */
export type RunState = 'pending' | 'executing' | 'finalizing' | 'finished'

/** How a deployment may come from an earlier one. */
export const lineageKinds = ['retry', 'rerun', 'rollback'] as const
export type LineageKind = (typeof lineageKinds)[number]

/** Where a deployment comes from: a retry of the failed part, everything once more, or back to how it was then. */
export interface Lineage {
  readonly kind: LineageKind
  /** Id of the earlier deployment; it may have expired meanwhile. */
  readonly of: string
}

export interface Deployment {
  readonly id: string
  readonly request: DeploymentRequest
  readonly targets: readonly string[]
  /** The namespaces that its steps write to, each once; absent in records of before they were kept. */
  readonly namespaces?: readonly string[]
  /** The producer that submitted it; absent for one that came over the HTTP API. */
  readonly producer?: string
  /** Who asked for it, as the record of who did what names people (model/audit.ts). */
  readonly by?: string
  /** Absent for one that was started anew. */
  readonly lineage?: Lineage
  /** Where in the trace of whoever started it its spans belong; absent when nobody said. */
  readonly trace?: TraceContext
  readonly state: RunState
  readonly result?: Result
  /** The version of envelopes that its newest step needs (model/envelope.ts); absent where the first one will do. */
  readonly needs?: number
  readonly createdAt: number
  readonly startedAt?: number
  readonly endedAt?: number
}

export interface ProgressEvent {
  readonly type: 'progress'
  readonly at: number
  readonly jobId: string
  /** All that the job has written; of many only some that are not current yet. */
  readonly objects: readonly ObjectProgress[]
  /** How many there are and how many of them are current, when `objects` has not all. */
  readonly of?: { readonly total: number; readonly ready: number }
}

/** What happens to a deployment, in order, resumable by the stream id that the store gives each. */
export type DeploymentEvent =
  | { readonly type: 'deployment'; readonly at: number; readonly state: RunState; readonly result?: Result }
  | {
      readonly type: 'job'
      readonly at: number
      readonly jobId: string
      readonly step: string
      readonly target: string
      readonly from: JobStatus
      readonly to: JobStatus
      readonly attempt: number
      readonly worker?: string
      readonly sentence?: string
      readonly code?: string
      /** With `running`: what the attempt runs with. */
      readonly tools?: ToolsUsed
    }
  | { readonly type: 'waiting'; readonly at: number; readonly jobId: string; readonly reason: string }
  | ProgressEvent
  | { readonly type: 'verdict'; readonly at: number; readonly jobId: string; readonly failure?: Failure; readonly notes: readonly string[] }
  | { readonly type: 'notice'; readonly at: number; readonly jobId?: string; readonly level: 'info' | 'warn'; readonly message: string }

/** An event with its place in the stream (a Redis stream id). */
export type StoredEvent = DeploymentEvent & { readonly id: string }

export type LogStream = 'stdout' | 'stderr' | 'system'

/** One line of a job's log; `n` counts from 1 over all attempts. */
export interface LogLine {
  readonly n: number
  readonly at: number
  readonly stream: LogStream
  readonly text: string
}
