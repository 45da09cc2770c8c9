import type { SealedCounts, SealedRecord } from '../../model/credential.ts'
import type { AttemptRef } from '../../model/deployment.ts'
import type { GrantRecords } from '../../model/ports.ts'
import type { Producer } from '../../model/producer.ts'
import type { Signed } from '../../model/signature.ts'
import type { SecretSummary } from '../../model/stepsecret.ts'

export interface Accounts {
  /** @throws TelpherError unknown_target when no target has this account */
  get(id: string): Promise<SealedRecord>
}

/** Everything that is sealed with a master key, of every kind (store/sealed.ts). */
export interface Sealed {
  /** How many records there are, by the id of the key that they are sealed with. */
  count(): Promise<ReadonlyMap<string, SealedCounts>>
  /**
   * Changes the records; one that somebody else changes or removes meanwhile is left as it is.
   * @param change undefined leaves a record; what it throws ends the work, and what was changed stays so
   * @returns how many were changed
   */
  change(change: (record: SealedRecord) => SealedRecord | undefined): Promise<number>
  /** Notes that no server is to have this key any more; nothing when that is noted already. @param at ms since the epoch */
  drop(kid: string, at: number): Promise<void>
  /** Takes that back. */
  undrop(kid: string): Promise<void>
  /** When each key was dropped, ms since the epoch, by its id. */
  dropped(): Promise<ReadonlyMap<string, number>>
}

/** Secrets of steps: those that are kept under a name, and those of one deployment. A plaintext never comes here. */
export interface Secrets {
  /** By name. */
  list(): Promise<SecretSummary[]>
  /** Undefined when there is none of this name. */
  find(name: string): Promise<SecretSummary | undefined>
  /**
   * Stores a value, the first of its name or the next one.
   * @param before what it follows; undefined for the first
   * @returns whether it was stored: not when somebody else stored one meanwhile
   */
  put(summary: SecretSummary, sealed: SealedRecord, before: SecretSummary | undefined): Promise<boolean>
  /** @throws TelpherError unknown_secret */
  remove(name: string): Promise<void>
  /** @throws TelpherError unknown_secret */
  get(name: string): Promise<SealedRecord>
  /** What was sealed for a deployment, by id. */
  ofDeployment(deploymentId: string): Promise<ReadonlyMap<string, SealedRecord>>
}

/** What came of fencing a lost attempt. */
export interface FenceOutcome {
  /** Whether the API server was seen to refuse what the attempt had. */
  readonly refused: boolean
  /** Why not, as a sentence. */
  readonly because?: string
}

export interface Grants extends GrantRecords {
  /** Whether the caller is to fence this attempt now: one in `forMs` is told so, until it has an outcome. */
  fenceTurn(attempt: AttemptRef, forMs: number): Promise<boolean>
  /** Has the turn last for so long from now on. */
  holdFenceTurn(attempt: AttemptRef, forMs: number): Promise<void>
  /** Notes what came of fencing an attempt. */
  fenced(attempt: AttemptRef, outcome: FenceOutcome): Promise<void>
  /** Undefined until somebody noted it. */
  outcome(attempt: AttemptRef): Promise<FenceOutcome | undefined>
  /** Whether the caller is to sweep this target now: one in `forMs` is told so. */
  sweepTurn(target: string, forMs: number): Promise<boolean>
}

/** Who may submit deployments through Redis. */
export interface Producers {
  /** @throws TelpherError producer_exists */
  create(producer: Producer): Promise<void>
  /** @throws TelpherError unknown_producer */
  get(name: string): Promise<Producer>
  /** By name. */
  list(): Promise<Producer[]>
  /** @throws TelpherError unknown_producer */
  remove(name: string): Promise<void>
}

/** The keys that workers prove their pool with: what a server signed, and nobody else may be believed. */
export interface Enrolments {
  /** @throws TelpherError enrolment_exists */
  create(fingerprint: string, signed: Signed): Promise<void>
  get(fingerprint: string): Promise<Signed | undefined>
  list(): Promise<Signed[]>
  /** @throws TelpherError unknown_enrolment */
  remove(fingerprint: string): Promise<void>
}

/** The key that servers sign with, as a sealed record. */
export interface Signers {
  /** @param make called when there is none; of several that are made at once one is kept */
  ensure(make: () => SealedRecord): Promise<SealedRecord>
}

/** A request of a worker as a server takes it: who it says it is from is not yet proven. */
export interface TakenRequest extends Signed {
  /** Where it lies in the stream: of one that is sent again it is another one. */
  readonly entry: string
  /** Where its answer goes. */
  readonly pool: string
  readonly worker: string
}

export type SealedAnswer = { readonly requestId: string } & Signed

/** The way between workers and brokers. A request is one server's, and another one's when that died. */
export interface Broker {
  /** @throws TelpherError redis_timeout, redis_unreachable, redis_full */
  send(request: Omit<TakenRequest, 'entry'>): Promise<void>
  /** The answers to a worker as they come, each once, until the signal; outages are waited for. */
  answers(pool: string, worker: string, signal: AbortSignal): AsyncIterable<SealedAnswer>
  /** What workers ask, as it comes, until the signal; outages are waited for. @param server tells this one from others */
  requests(server: string, signal: AbortSignal): AsyncIterable<readonly TakenRequest[]>
  /** Leaves a request to other servers, which take it within about a second. */
  leave(server: string, entry: string): Promise<void>
  /** Says that this server still works on them. */
  keep(server: string, entries: readonly string[]): Promise<void>
  /** Answers a request, unless another server did. @returns whether this was the answer */
  answer(request: TakenRequest, answer: SealedAnswer): Promise<boolean>
  /** Forgets one that nobody can be answered about. */
  drop(request: TakenRequest): Promise<void>
}
