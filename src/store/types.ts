import type { BackupSum } from '../model/backup.ts'
import type { CheckReport } from '../model/check.ts'
import type { SealedCounts, SealedRecord } from '../model/credential.ts'
import type { AttemptRef, Deployment, Job, JobRef, LockName, LogLine, LogStream, RunState, StoredEvent } from '../model/deployment.ts'
import type { RedisFacts } from '../model/doctor.ts'
import type { TelpherError } from '../model/errors.ts'
import type { Freeze } from '../model/freeze.ts'
import type { HealthRecord } from '../model/health.ts'
import type { ImagePins, ToolsUsed } from '../model/image.ts'
import type { LedgerEntry } from '../model/ledger.ts'
import type { Loss } from '../model/loss.ts'
import type { PackageKey, SealedPackage } from '../model/package.ts'
import type { PipeMail } from '../model/pipe.ts'
import type { Pool } from '../model/pool.ts'
import type { Events, GrantRecords, Ledger } from '../model/ports.ts'
import type { Answer, Producer } from '../model/producer.ts'
import type { RotationJournal } from '../model/rotationjournal.ts'
import type { ScaleState } from '../model/scale.ts'
import type { Signed } from '../model/signature.ts'
import type { JobEvent, Transition } from '../model/states.ts'
import type { SecretSummary } from '../model/stepsecret.ts'
import type { Target } from '../model/target.ts'
import type { AccountUses } from '../model/use.ts'
import type { Failure, ObjectProgress } from '../model/verdict.ts'
import type { SeenWorker, WorkerRecord } from '../model/worker.ts'
import type { Audit } from './audit/types.ts'

/** How long what is written is kept, in ms, and how much of a log. */
export interface StoreLimits {
  /** Everything of a finished deployment, but its logs. */
  readonly deploymentMs: number
  /** How many finished deployments are kept at most: the oldest go first. */
  readonly deployments: number
  /** Logs, counted from the last line. */
  readonly logMs: number
  /** A package, counted from its last use: the net below the sweep, so longer than any deployment that refers to it. */
  readonly packageMs: number
  /** How long a package stays that no kept deployment refers to, counted from its last use. */
  readonly packageGraceMs: number
  readonly idempotencyMs: number
  readonly checkMs: number
  /** The record of a worker that is no longer heard. */
  readonly workerMs: number
  /** Bytes of a job's log that are kept from its beginning, and as many again from its end. */
  readonly logHeadBytes: number
  readonly logTailBytes: number
  /** Events of one deployment, about. */
  readonly events: number
  /** The record of who did what, in ms and in records: the oldest go first. */
  readonly auditMs: number
  readonly auditRecords: number
}

export interface StoreOptions {
  /** `redis://` or `rediss://` address. */
  readonly url: string
  /** Another Redis for logs and packages; the same one when absent. */
  readonly storeUrl?: string
  /** Shown by CLIENT LIST. */
  readonly clientName?: string
  readonly log?: (line: object) => void
  /** Milliseconds until a call gives up with redis_timeout; 5000 when absent. */
  readonly timeoutMs?: number
  readonly limits?: Partial<StoreLimits>
  /** Whether data of an older version is taken to this one here, or waited for until a server did; yes when absent. */
  readonly migrates?: boolean
  /** What uses the data for long, by name: newer programs do nothing to it meanwhile that it could not work with. */
  readonly program?: {
    readonly name: string
    /** Told when it was silent for so long that they did: it must end at once. */
    readonly onLeftBehind: (why: TelpherError) => void
  }
  /** Told each change of a job that this store made: of several processes one makes it, so that all of them together tell each once. */
  readonly onChange?: JobChanged
}

/** A change of a job, after it was written. A change whose answer was lost may not be told. */
export type JobChanged = (before: Job, after: Job, event: JobEvent, report: JobReport | undefined) => void

export interface Targets {
  /** @throws TelpherError target_exists */
  create(target: Target, sealed: SealedRecord): Promise<void>
  /** @throws TelpherError unknown_target */
  get(name: string): Promise<Target>
  /** All targets by name. */
  list(): Promise<Target[]>
  /** Changes what is not its account; `change` may be called again with what others wrote. @throws TelpherError unknown_target */
  change(name: string, change: (target: Target) => Target): Promise<Target>
  /** @throws TelpherError unknown_target; target_in_use while an active deployment names it */
  remove(name: string): Promise<void>
}

export interface Health {
  list(): Promise<ReadonlyMap<string, HealthRecord>>
  put(name: string, record: HealthRecord): Promise<void>
  forget(names: readonly string[]): Promise<void>
  /** Whether it is this server's turn to try the targets, for so long, ms. */
  turn(server: string, forMs: number): Promise<boolean>
}

/** When accounts were last used: what is sealed into the record of who did what is noted here. */
export interface Uses {
  of(target: Pick<Target, 'name' | 'createdAt'>): Promise<AccountUses>
  /** @returns what tells it of each target, as it is now */
  all(): Promise<(target: Pick<Target, 'name' | 'createdAt'>) => AccountUses>
}

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
  /** What producers seal the keys of packages to, raw in base64; undefined before a server said it. */
  uploadTo(): Promise<string | undefined>
  setUploadTo(sealTo: string): Promise<void>
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

export interface Claims {
  /** Proves the hold of an attempt; `held` is false once it was superseded or the job has ended. */
  renew(
    ref: JobRef,
    attempt: number,
    worker: string,
  ): Promise<{ readonly held: boolean; readonly cancelRequested: boolean; readonly cancelForced: boolean }>
  /** How long ago it was last proven, in ms, by the clock that noted it: on a cluster another one's than `Workers.now`. Undefined before the first proof. */
  age(ref: JobRef): Promise<number | undefined>
  /**
   * Whether a worker may be answered about an attempt.
   * @param isHeld whether it must hold it now
   * @returns `lost` when another one has it or it ended; `unproven` when the claim was not renewed lately; `repeated` for what was asked before
   */
  prove(attempt: AttemptRef, asking: Asking, isHeld: boolean): Promise<Proof>
}

export type Proof = 'proven' | 'lost' | 'unproven' | 'repeated'

/** Who asks for an attempt: the worker, the number of its request for this attempt, and where the request lies. */
export interface Asking {
  readonly worker: string
  readonly number: number
  readonly entry: string
}

export interface Workers {
  /** @returns whether somebody asked it to drain */
  beat(record: WorkerRecord): Promise<{ readonly drainAsked: boolean }>
  /** Asks a worker to end when what it runs has ended: it hears it with its next beat. @returns whether it is there */
  askDrain(id: string): Promise<boolean>
  list(): Promise<SeenWorker[]>
  remove(id: string): Promise<void>
  /** The clock of heartbeats: TIME of the master that has them, in ms since the epoch. */
  now(): Promise<number>
}

/** Where nothing new begins for a while. */
export interface Freezes {
  add(freeze: Freeze): Promise<void>
  /** Those that hold, the oldest first; what is over is removed. @param now ms since the epoch, by the clock of Redis */
  list(now: number): Promise<Freeze[]>
  /** @throws TelpherError unknown_freeze */
  lift(id: string): Promise<void>
}

/** What was said of pools, and what their scaler remembers. */
export interface Pools {
  /** @throws TelpherError pool_exists */
  create(pool: Pool): Promise<void>
  /** A pool of which nothing was said is as implicitPool says. */
  get(name: string): Promise<Pool>
  /** Those of which something was said, by name. */
  list(): Promise<Pool[]>
  /** Compare-and-set, tried again on conflict. @param change pure; what it throws ends the work */
  change(name: string, change: (pool: Pool) => Pool): Promise<Pool>
  /** @throws TelpherError unknown_pool */
  remove(name: string): Promise<void>
  /** Compare-and-set on what the scaler remembers. @param change pure; undefined forgets it */
  scaleState(name: string, change: (state: ScaleState | undefined) => ScaleState | undefined): Promise<ScaleState | undefined>
  readScaleState(name: string): Promise<ScaleState | undefined>
  /** Whether this server is to scale the pools for the next `forMs`; one of several is told so until it stops asking. */
  scalerTurn(server: string, forMs: number): Promise<boolean>
}

/** How a job asks to be let into a room. */
export interface RoomAsk {
  /** A lower one goes first, whatever the turns are. */
  readonly priority: number
  /** Jobs that it may have in for each one of a deployment of weight 1. */
  readonly weight: number
  /** Jobs that the room takes at a time. */
  readonly places: number
  /** Jobs of the deployment that want in, this one among them. */
  readonly waiting: number
}

/** So many jobs at a time, deployments taking turns. */
export interface Rooms {
  /**
   * Lets a job in, or has its deployment stand in the queue, for one job at a time; safe to repeat, and to be repeated every few seconds while it waits.
   * @returns whether it is in, and some other deployments for which there is a place now
   */
  enter(room: string, ref: JobRef, ask: RoomAsk): Promise<{ readonly in: boolean; readonly next: readonly string[] }>
  /**
   * @param options.queue whether it leaves the queue, too, where it stands there for its deployment; true when absent
   * @returns the deployment that can take the place
   */
  leave(room: string, ref: JobRef, options?: { readonly queue?: boolean }): Promise<string | undefined>
  /** @param now ms since the epoch, by the clock of Redis */
  look(room: string, now: number): Promise<{ readonly inside: number; readonly waiting: number; readonly deployments: number }>
}

/** Which image ids workers may start. */
export interface Images {
  /** All pins, by image name. */
  pins(): Promise<ImagePins>
  /** @param ids none takes the pin away */
  pin(image: string, ids: readonly string[]): Promise<void>
}

export interface Checks {
  /** Makes a check this worker's own. @returns false when it is another one's */
  claim(id: string, worker: string): Promise<boolean>
  /** As with claims: whether a worker may be answered about a check. @param isHeld whether its report must be awaited still */
  prove(id: string, asking: Asking, isHeld: boolean): Promise<Proof>
  put(id: string, report: CheckReport): Promise<void>
  /** Undefined while it is not ready, and 10 minutes after it was. */
  get(id: string): Promise<CheckReport | undefined>
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

/** Who stands at a lock; `since` is when it became ready, then when it took the lock, in ms since the epoch. */
export interface LockEntry extends JobRef {
  /** The name of its step. */
  readonly step: string
  readonly since: number
}

/** One lock: its holder, who waits in order, and until when a lost attempt's write may still be open. */
export interface LockState {
  readonly holder?: LockEntry
  readonly queue: readonly LockEntry[]
  readonly cooling?: { readonly until: number; readonly deploymentId: string }
}

export interface Locks {
  get(name: LockName): Promise<LockState>
  /**
   * Compare-and-set on one lock, tried again on conflict.
   * @param change pure; the same state back means nothing to do
   */
  update(name: LockName, change: (state: LockState) => LockState): Promise<LockState>
}

export interface FoundLock {
  readonly state: LockState
  update(change: (state: LockState) => LockState): Promise<LockState>
}

export interface FoundRoom {
  /** Those that are in it, and those that stand in its queue for their deployments. */
  readonly jobs: readonly JobRef[]
  /** From the room and from its queue. @returns the deployment that can take the place */
  leave(ref: JobRef): Promise<string | undefined>
}

/** Who holds and awaits what, found without knowing whose it is. */
export interface Holdings {
  /** Some of all locks and rooms, others each time, until all have come; then anew. */
  page(): Promise<{ readonly locks: readonly FoundLock[]; readonly rooms: readonly FoundRoom[] }>
  room(name: string): Promise<FoundRoom>
}

/** How the schedulers hear at once that a deployment needs them; their sweep finds what was missed. */
export interface Wakes {
  send(deploymentId: string): Promise<void>
  /** Ids of deployments from now on, in batches, on a connection of its own; outlives outages; ends with the signal. */
  follow(signal: AbortSignal): AsyncIterable<readonly string[]>
}

export interface DeploymentEvents extends Events {
  /**
   * Events after an id, oldest first.
   * @param options.follow waits for more, until the deployment's `finished` event was delivered or the signal aborts
   * @throws TelpherError unknown_deployment
   */
  read(options: { readonly after?: string; readonly signal?: AbortSignal; readonly follow: boolean }): AsyncIterable<StoredEvent>
}

/** A line on its way into a log: its number comes from the store. */
export interface NewLogLine {
  readonly stream: LogStream
  readonly text: string
  readonly at: number
}

/** A block of lines on its way into a log: a count of lines, their bytes as text, and the block (logblock.ts). */
export interface PackedLines {
  readonly count: number
  readonly bytes: number
  readonly field: 'd' | 'z'
  readonly data: Uint8Array
}

/** Lines that the cap left out of a log, by the numbers of the first and the last. */
export interface LogGap {
  readonly from: number
  readonly to: number
  readonly lines: number
  readonly bytes: number
}

/** What a log has as a whole. */
export interface LogSum {
  /** Lines that were written, those left out among them: the number of the last one. */
  readonly total: number
  readonly bytes: number
  /** Whether no more will come. */
  readonly complete: boolean
  readonly gap?: LogGap
}

export interface LogWindow extends LogSum {
  readonly lines: readonly LogLine[]
  /** The number to ask for next; absent after the last line. */
  readonly next?: number
}

export interface LogSearch extends LogSum {
  /** Lines that hold the text. */
  readonly matches: number
  /** Kept lines that were looked through: `total` without the gap. */
  readonly searched: number
  /** The first of them. */
  readonly lines: readonly LogLine[]
  /** Every block with matches: numbers of its first and last line, and how many of them match. */
  readonly blocks: readonly { readonly from: number; readonly to: number; readonly matches: number }[]
}

export interface JobLog {
  /** Appends a batch; what is repeated after a redis_timeout by the same object is stored once. */
  append(lines: readonly NewLogLine[]): Promise<void>
  /** The same for lines that were packed elsewhere. */
  appendPacked(blocks: readonly PackedLines[]): Promise<void>
  /**
   * Lines after number `after`, with a notice line where the cap left some out.
   * @param options.follow waits for more, until end() or the job's end, or the signal aborts
   */
  read(options: { readonly after?: number; readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<LogLine>
  /**
   * Lines from number `from` on, at most `limit`; with `tail` the last so many instead.
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  window(options: { readonly from?: number; readonly tail?: number; readonly limit: number }): Promise<LogWindow>
  /**
   * Looks through every kept line.
   * @param options.limit of the matches that are given; all are counted
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  search(options: {
    readonly text: string
    readonly ignoreCase: boolean
    readonly limit: number
    readonly signal?: AbortSignal
  }): Promise<LogSearch>
  /** No more lines will come: ends those who follow. */
  end(): Promise<void>
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

/**
 * How full a Redis is: at `warn` the oldest logs go early, at `refuse` nothing new is taken, at `reserve` log lines are left out so that what
 * runs comes to its end.
 */
export type MemoryLevel = 'ok' | 'warn' | 'refuse' | 'reserve'

export interface MemoryUse {
  /** `store` has logs and packages; where there is one Redis for everything, it is that one. */
  readonly redis: 'state' | 'store'
  /** Host and port. */
  readonly place: string
  readonly usedBytes: number
  /** 0 where no maxmemory is set: then nothing is known of how full it is. */
  readonly maxBytes: number
  readonly ratio?: number
  readonly level: MemoryLevel
}

export interface Memory {
  /**
   * Each Redis of the store.
   * @param maxAgeMs what was seen so long ago will do, in ms; 1000 when absent
   */
  look(maxAgeMs?: number): Promise<readonly MemoryUse[]>
  /** @throws TelpherError redis_full when nothing new may be taken */
  mustHaveRoom(): Promise<void>
}

/** Removes what is no longer kept; safe to repeat, by several servers, and to be cut anywhere. */
export interface Sweep {
  /** Finished deployments that are too old or too many, with all that belongs to them. @returns how many went */
  deployments(now?: number): Promise<number>
  /** Packages that no kept deployment refers to, after their grace. @returns how many went */
  packages(): Promise<number>
  /** Logs before their time, the oldest first, when memory is short. @returns how many deployments lost theirs */
  logs(now?: number): Promise<number>
}

/** Everything that lasts of an installation, in one file: targets with their sealed accounts, what has ended, and its packages. */
export interface Backup {
  /**
   * Lines of text. Deployments that have not ended are not in it.
   * @param options.logs whether logs are
   */
  read(options: { readonly logs: boolean }): AsyncIterable<string>
  /**
   * Writes a backup into an empty installation; one that was cut can be done again.
   * @param known ids of the master keys that there are
   * @throws TelpherError backup_damaged, store_not_empty, store_newer, sealed_record, redis_*
   */
  restore(source: AsyncIterable<Uint8Array>, known: readonly string[]): Promise<BackupSum>
  /** Whether a restore was begun and is not complete. */
  isRestoring(): Promise<boolean>
}

export interface Store {
  readonly audit: Audit
  readonly backup: Backup
  readonly targets: Targets
  readonly accounts: Accounts
  readonly grants: Grants
  readonly packages: Packages
  readonly deployments: Deployments
  readonly jobs: Jobs
  readonly claims: Claims
  readonly workers: Workers
  readonly checks: Checks
  readonly health: Health
  readonly uses: Uses
  readonly images: Images
  readonly freezes: Freezes
  readonly pools: Pools
  readonly rooms: Rooms
  readonly rotations: RotationJournal
  readonly secrets: Secrets
  readonly producers: Producers
  readonly enrolments: Enrolments
  readonly signers: Signers
  readonly sealed: Sealed
  readonly broker: Broker
  readonly inbox: Inbox
  readonly idempotency: Idempotency
  readonly locks: Locks
  readonly holdings: Holdings
  readonly wakes: Wakes
  readonly sweep: Sweep
  readonly memory: Memory
  /** The version of what is stored. */
  readonly schema: number
  events(deploymentId: string): DeploymentEvents
  logs(ref: JobRef): JobLog
  ledger(ref: JobRef): JobLedger
  /** The letters between the ends of a pool's pipes. */
  pipes(pool: string): PipeMail
  /** The id of everything that shares this Redis, made by whoever asks first. */
  installation(): Promise<string>
  /**
   * What each Redis tells of itself, by what it holds: of one for everything, `state` only; of a cluster, each master.
   * @throws TelpherError redis_timeout, redis_unreachable
   */
  inspect(redis: 'state' | 'store'): Promise<RedisFacts[]>
  /** Whether logs and packages have a Redis of their own. */
  readonly isSplit: boolean
  /** Whether Redis answers. @throws TelpherError redis_timeout, redis_unreachable */
  ping(): Promise<void>
  /** Commands sent by this store so far. */
  commandsSent(): number
  /** How often a connection that broke was made again. */
  reconnects(): number
  /** Closes every connection and ends those who follow; what was emitted and not flushed may be lost. */
  close(): Promise<void>
}
