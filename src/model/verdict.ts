/** kstatus's words, and Suspended (paused workloads, suspended jobs). */
export type ObjectStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown' | 'Suspended'

/** What assess says of one object: the rule that spoke is named, so that a wrong answer can be traced. */
export interface Assessment {
  readonly status: ObjectStatus
  readonly message: string
  readonly rule: string
}

/** An object as the API server gives it: only what rules look at has a type. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name?: string
    readonly namespace?: string
    readonly uid?: string
    readonly generation?: number
    readonly resourceVersion?: string
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly {
      readonly kind: string
      readonly name: string
      readonly uid: string
      readonly controller?: boolean
    }[]
  }
  readonly [field: string]: unknown
}

/** The API server's address of an object. */
export interface ObjectRef {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly kind?: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  /** The generation that must be seen, from the answer to the write. */
  readonly generation?: number
}

/** The closed list of reasons why an object does not become Current. */
export const failureClasses = [
  'image_pull',
  'crash_loop',
  'container_config',
  'unschedulable',
  'quota_exceeded',
  'forbidden',
  'admission_denied',
  'probe_failing',
  'volume_pending',
  'job_failed',
  'progress_deadline',
  'deadline',
  'stalled',
  'vanished',
  'other',
] as const
export type FailureClass = (typeof failureClasses)[number]

/** One link of the because-chain, from the object that was deployed down to the container. */
export interface ChainLink {
  readonly kind: string
  readonly name: string
  readonly message: string
}

export interface Failure {
  readonly class: FailureClass
  /** One sentence that a person can act on. */
  readonly sentence: string
  readonly object: ObjectRef
  readonly chain: readonly ChainLink[]
  /** Last lines of the previous container, when there is one. */
  readonly lastLines: readonly string[]
}

/** Live progress of one object. */
export interface ObjectProgress {
  readonly ref: ObjectRef
  readonly assessment: Assessment
}

export interface Verdict {
  /** `current`: every object is; `failed`: one failed; `deadline`: time ran out before either. */
  readonly outcome: 'current' | 'failed' | 'deadline'
  readonly objects: readonly ObjectProgress[]
  readonly failure?: Failure
  /** Said with a success: such as that workloads without a probe were watched for a settle time. */
  readonly notes: readonly string[]
}
