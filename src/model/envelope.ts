import { createHash, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { AttemptRef, Job } from './deployment.ts'
import { TelpherError } from './errors.ts'
import type { ImagePins } from './image.ts'
import { canonical, isSigned, type Signed, signText } from './signature.ts'
import type { Step, StepKind } from './step.ts'
import { nameSchema } from './target.ts'

/** The newest version of an envelope that this program understands; docs/reference/versions.md has the rule. */
export const envelopeVersion = 2

/** The version that brought each kind of step as it is done now: since 2 its package is sealed, and older workers cannot open it. */
const broughtBy: Readonly<Record<StepKind, number>> = { apply: 2, helm: 2 }

/**
 * The version that a worker must understand to do a step: the lowest one, so that older workers do what they can. A new field that
 * may not be overlooked is asked for here, as a new kind of step is.
 */
export const neededVersion = ({ kind }: Pick<Step, 'kind'>): number => broughtBy[kind]

/** Whether a deployment has steps that this program does not understand: a newer server took it, and takes it on. */
export const isForNewer = ({ needs }: { readonly needs?: number }): boolean => needs !== undefined && needs > envelopeVersion

interface Bound extends AttemptRef {
  readonly version: number
  readonly pool: string
  readonly target: string
  /** The last moment at which a worker may begin with it, ms since the epoch. */
  readonly notAfter: number
}

/** What a server lets one attempt of a job do: a worker takes no other word for it. */
export interface JobEnvelope extends Bound {
  readonly kind: 'job'
  /** The execution image that the step or its pool names; null where it is chosen by the version of the API server. */
  readonly image: string | null
  /** The ids that pinned images must have. */
  readonly pins: ImagePins
  /** SHA-256 of the step, in hexadecimal. */
  readonly step: string
  /** So many attempts the job may have. */
  readonly attempts: number
}

/** The same for a check of a target; its attempt is of no job, and its credential bound like that of one. */
export interface CheckEnvelope extends Bound {
  readonly kind: 'check'
  readonly checkId: string
}

export type Envelope = JobEnvelope | CheckEnvelope

/** An item that is older than this was left behind by whoever enqueued it, in ms: the scheduler signs another. */
const jobEnvelopeMs = 86_400_000
const checkEnvelopeMs = 600_000
/** The longest that an attempt lives after it began: the longest deadline of a step and its phases, in ms. */
const longestAttemptMs = 86_400_000

const bound = {
  version: z.int().min(1).max(envelopeVersion),
  deploymentId: z.string().max(64),
  jobId: z.string().max(64),
  attempt: z.int().min(0),
  pool: nameSchema,
  target: nameSchema,
  notAfter: z.int(),
}
/** What a newer server adds within a version may be overlooked. */
const envelopeSchema: z.ZodType<Envelope> = z.discriminatedUnion('kind', [
  z.object({
    ...bound,
    kind: z.literal('job'),
    image: z.string().nullable(),
    pins: z.record(z.string(), z.array(z.string())),
    step: z.string().regex(/^[0-9a-f]{64}$/),
    attempts: z.int().min(1),
  }),
  z.object({ ...bound, kind: z.literal('check'), checkId: z.string().max(64) }),
])

/** Steps are not changed once they are there, and are asked for again and again. */
const stepHashes = new WeakMap<Step, string>()

/** SHA-256 of what a step is, in hexadecimal. */
export const stepHash = (step: Step): string => {
  const known = stepHashes.get(step)
  if (known !== undefined) return known
  const hash = createHash('sha256')
    .update(JSON.stringify(canonical(JSON.parse(JSON.stringify(step)))))
    .digest('hex')
  stepHashes.set(step, hash)
  return hash
}

/** The envelope of a job's next attempt. */
export const jobEnvelope = (
  job: Job,
  attempt: number,
  options: { readonly image?: string | undefined; readonly pins: ImagePins; readonly maxStarts: number; readonly now: number },
): JobEnvelope => {
  return {
    version: neededVersion(job.step),
    kind: 'job',
    deploymentId: job.deploymentId,
    jobId: job.jobId,
    attempt,
    pool: job.pool,
    target: job.target,
    image: job.step.image ?? options.image ?? null,
    pins: options.pins,
    step: stepHash(job.step),
    // Every attempt but the last ends with a loss or a repetition (scheduler/judge.ts, model/retry.ts).
    attempts: options.maxStarts + (job.step.retries?.max ?? 0),
    notAfter: options.now + jobEnvelopeMs,
  }
}

export const checkEnvelope = (
  check: AttemptRef & { readonly checkId: string; readonly pool: string; readonly target: string },
  now: number,
): CheckEnvelope => ({ version: 1, kind: 'check', ...check, notAfter: now + checkEnvelopeMs })

export const signEnvelope = (envelope: Envelope, key: KeyObject): Signed => signText('envelope', JSON.stringify(envelope), key)

const refused = (why: string): TelpherError => new TelpherError('envelope_refused', why)

/**
 * Reads an envelope that lay where anybody who reaches Redis could have put it.
 * @param keys the public keys of the servers
 * @returns `newer` for one that a newer server signed: only a newer worker knows what it says
 * @throws TelpherError envelope_refused when no server signed it
 */
export const openEnvelope = (signed: Signed | undefined, keys: readonly KeyObject[]): Envelope | 'newer' => {
  if (signed === undefined) throw refused('it is not signed')
  if (!isSigned('envelope', signed, keys)) throw refused('no server that this worker was enrolled with has signed it')
  const said = JSON.parse(signed.body) as { version?: unknown }
  if (typeof said.version === 'number' && said.version > envelopeVersion) return 'newer'
  const read = envelopeSchema.safeParse(said)
  if (!read.success) throw refused('what is signed cannot be read')
  return read.data
}

/** @param now ms since the epoch @throws TelpherError envelope_expired */
export const mustBeCurrent = ({ notAfter }: Envelope, now: number): void => {
  if (now > notAfter) throw new TelpherError('envelope_expired', `it was good until ${new Date(notAfter).toISOString()}`)
}

/** The same for an attempt that may have begun in the last moment. @throws TelpherError envelope_expired */
export const mustNotBeOver = (envelope: Envelope, now: number): void =>
  mustBeCurrent({ ...envelope, notAfter: envelope.notAfter + longestAttemptMs }, now)

/**
 * Whether a job as the store has it is what was signed.
 * @throws TelpherError envelope_refused that says what differs
 */
export const mustBeSigned = (job: Job, envelope: JobEnvelope): void => {
  if (job.target !== envelope.target) throw refused(`its target is ${job.target}, and ${envelope.target} was signed`)
  if (job.pool !== envelope.pool) throw refused(`its pool is ${job.pool}, and ${envelope.pool} was signed`)
  if (stepHash(job.step) !== envelope.step) throw refused(`step ${job.step.name} is another one than was signed`)
}
