import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Credential, SealedRecord } from './credential.ts'
import type { AttemptRef, DeploymentEvent } from './deployment.ts'
import type { Graces } from './graces.ts'
import type { ImageFacts } from './image.ts'
import type { LedgerEntry } from './ledger.ts'
import type { Target } from './target.ts'
import type { ObjectProgress } from './verdict.ts'

/** What the container of a step needs to be: everything else is the executor's hardening. */
export interface ContainerSpec {
  readonly image: string
  /** The ids that the image may have; any when absent. Another one is refused before anything of it runs. */
  readonly imageIds?: readonly string[]
  /** Labels by which leftovers are found: installation, pool, worker. */
  readonly labels: Readonly<Record<string, string>>
  readonly memoryBytes: number
  /** CPUs, such as 1.5. */
  readonly cpus: number
  readonly pids: number
  /** Size of the writable tmpfs that is the working directory, in bytes. */
  readonly scratchBytes: number
}

export interface ContainerExit {
  readonly code: number | null
  /** Whether the kernel killed something in the container for want of memory. */
  readonly oomKilled: boolean
}

/** A started container: the shim is at the other end of `stream`. */
export interface Container {
  readonly id: string
  /** The job's working directory and its PATH, when it runs on the worker's own machine; `/work` and the image's otherwise. */
  readonly place?: { readonly folder: string; readonly path: string }
  /** Which image it is, and what that says of itself; absent where the executor cannot know. */
  readonly image?: ImageFacts
  readonly stream: Duplex
  /** Settles when the container has ended and was removed; rejects only when the engine cannot say. */
  readonly exited: Promise<ContainerExit>
  /** Kills it at once and removes it; resolves when nothing is left. Safe to call at any time, more than once. */
  kill(): Promise<void>
}

/** A way to start the shim and get its stream. Trouble with the infrastructure throws a TelpherError; a job's exit code is a result. */
export interface Executor {
  /** @throws TelpherError docker_unreachable when it cannot be used */
  probe(): Promise<void>
  /** @throws TelpherError image_missing, image_differs, container_start, container_deviates; an aborted signal leaves nothing behind */
  start(spec: ContainerSpec, signal?: AbortSignal): Promise<Container>
  /**
   * Whether an image is where containers are started; absent where the executor cannot know.
   * @returns undefined when it is not there
   * @throws TelpherError docker_unreachable
   */
  image?(name: string): Promise<ImageFacts | undefined>
  /** Removes what carries all these labels, except what `keep` says by its labels; returns how many. */
  reap(labels: Readonly<Record<string, string>>, keep?: (labels: Readonly<Record<string, string>>) => boolean): Promise<number>
}

/** What one attempt was given to act with. */
export interface Grant {
  readonly credential: Credential
  /** Of the step's package, in base64; absent where it is not sealed. */
  readonly packageKey?: string
  /** Whether another credential can be had while the attempt runs. */
  readonly renewable: boolean
  /**
   * Another credential for the same attempt.
   * @throws TelpherError grant_revoked when the attempt was fenced or ended; what `grant` throws
   */
  renew(): Promise<Credential>
  /** Ends what was granted, where the mode can; twice is once. @throws TelpherError of the target: the sweep does it then */
  end(): Promise<void>
}

/** The broker's handing of credentials to attempts, as a worker sees it. */
export interface Grants {
  /**
   * @param attempt the attempt whose claim the caller holds
   * @param lifetimeMs how long the credential should live; the API server has the last word
   * @throws TelpherError sealed_record, credential_expired, unknown_target, mint_refused, target_*; grant_refused, claim_unproven, broker_timeout
   */
  grant(target: Target, attempt: AttemptRef, lifetimeMs: number): Promise<Grant>
}

/** What an attempt is given: a credential; or nothing, since its worker has one of its own. */
export type Given = { readonly credential: Credential; readonly renewable: boolean } | 'use-own'

/** Minting from accounts, and taking back: where the master key is. Every call may be repeated, by another server too. */
export interface Minting {
  /**
   * What the attempt has already, where it lives long enough, or else something new.
   * @throws TelpherError sealed_record, credential_expired, unknown_target, mint_refused, target_*
   */
  grant(target: Target, attempt: AttemptRef, lifetimeMs: number): Promise<Given>
  /** Another credential for an attempt that has one. @throws TelpherError grant_revoked when it was fenced or ended; what `grant` throws */
  renew(target: Target, attempt: AttemptRef, lifetimeMs: number): Promise<Given>
  /** Ends what was granted, where the mode can. @throws TelpherError of the target: the sweep does it then */
  end(target: Target, attempt: AttemptRef): Promise<void>
  /**
   * Ends what a lost attempt was given, and resolves when the API server refuses it (401).
   * @throws TelpherError fence_unproven, credential_expired, mint_refused, target_*
   */
  fence(target: Target, attempt: AttemptRef): Promise<void>
  /**
   * Ends what attempts of this installation were given that are over.
   * @returns how many
   */
  sweep(target: Target, isOver: (attempt: AttemptRef) => Promise<boolean | 'unknown'>): Promise<number>
}

/** Where the broker notes, sealed, what it gave to an attempt: what is refused later is told from it. */
export interface GrantRecords {
  /** @param lifeMs after which the record is of no use */
  put(attempt: AttemptRef, record: SealedRecord, lifeMs: number): Promise<void>
  get(attempt: AttemptRef): Promise<SealedRecord | undefined>
  remove(attempt: AttemptRef): Promise<void>
}

export interface ClusterRequest {
  readonly method: string
  /** Path and query on the API server, beginning with `/`; a base path of the server's URL is put before it. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Readable | Uint8Array | string
  readonly signal?: AbortSignal
  /** Milliseconds until the head of the answer must have come; none means no limit. */
  readonly timeoutMs?: number
}

export interface ClusterResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Readable
}

export interface ClusterUpgrade extends ClusterResponse {
  /** Present when the server switched protocols (101); `head` is what it had already sent. */
  readonly socket?: Duplex
  readonly head?: Uint8Array
}

/** A pool of connections to one target with one credential: trust, credential, no redirects. */
export interface ClusterConnection {
  readonly credentialId: string
  /**
   * A 4xx or 5xx is an answer, not an error.
   * @throws TelpherError target_dns and target_unreachable, which mean that nothing was sent; target_tls,
   *   target_certificate_expired, target_timeout, target_error
   */
  request(request: ClusterRequest): Promise<ClusterResponse>
  /** For exec, attach and port-forward: sends the Upgrade headers it is given. */
  upgrade(request: ClusterRequest): Promise<ClusterUpgrade>
  close(): void
}

/** Everything asked of targets' API servers. */
export interface Cluster {
  connect(target: Target, credential: Credential): ClusterConnection
}

/** Where the gate writes what a job changed. */
export interface Ledger {
  /** Resolves when the entry is in the store. Entries given together are stored together. */
  append(entries: readonly LedgerEntry[]): Promise<void>
}

/** Where a worker says what happens. Never rejects for want of a listener; keeps order. */
export interface Events {
  emit(event: DeploymentEvent): void
  /** Resolves when everything emitted so far is in the store. */
  flush(): Promise<void>
}

/** What the judge of one attempt is given. */
export interface Judging {
  readonly connection: ClusterConnection
  /** The attempt's writes so far. */
  writes(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** Resolves when no more writes will come: before it nothing is called current. */
  readonly final: Promise<void>
  /** Start of the attempt, ms since the epoch: what is older is not evidence. */
  readonly since: number
  /** How long a workload without a readiness probe must stay up, in ms. */
  readonly settleMs: number
  /** How long trouble may last, where the step or its target says it. */
  readonly graces?: Graces
  /** ms by the monotonic clock; asked again and again, since it depends on how far the attempt has come. */
  readonly deadlineAt: () => number
  readonly signal: AbortSignal
  readonly onProgress: (objects: readonly ObjectProgress[]) => void
}
