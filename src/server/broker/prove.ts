import type { KeyObject } from 'node:crypto'
import type { Job } from '../../model/deployment.ts'
import { type Enrolment, readEnrolment } from '../../model/enrolment.ts'
import { type Envelope, mustBeSigned, mustNotBeOver, openEnvelope } from '../../model/envelope.ts'
import { TelpherError } from '../../model/errors.ts'
import { type GrantRequest, isRequestSigned } from '../../model/grantrequest.ts'
import { publicKeyOf, type Signed } from '../../model/signature.ts'
import type { Target } from '../../model/target.ts'
import type { Store, TakenRequest } from '../../store/index.ts'
import { remembered } from './remembered.ts'

/** What a broker judges requests by. */
export interface ProveDeps {
  readonly store: Pick<Store, 'enrolments' | 'targets' | 'jobs' | 'claims' | 'checks'>
  readonly now: () => number
  /** What servers signed, each looked at once: an attempt sends the same envelope again and again, and so does a pool its enrolment. */
  readonly openEnvelope: (signed: Signed) => Envelope | 'newer' | undefined
  readonly readEnrolment: (signed: Signed) => (Enrolment & { readonly key: KeyObject }) | undefined
}

/** @param serverKey the key that servers sign with */
export const proveDeps = (store: ProveDeps['store'], serverKey: KeyObject, now: () => number): ProveDeps => ({
  store,
  now,
  openEnvelope: remembered((signed) => openEnvelope(signed, [serverKey])),
  readEnrolment: remembered((signed) => {
    const enrolment = readEnrolment(signed, [serverKey])
    const key = publicKeyOf(enrolment?.publicKey ?? '')
    return enrolment === undefined || key === undefined ? undefined : { ...enrolment, key }
  }),
})

/** A request whose worker has proven all that it must. */
export interface Proven {
  readonly envelope: Envelope
  readonly target: Target
  /** Absent for a check. */
  readonly job?: Job
}

const refused = (why: string): TelpherError => new TelpherError('grant_refused', why)

/**
 * That the workers of the pool asked it.
 * @throws TelpherError enrolment_refused
 */
export const proveEnrolment = async (signed: Signed, request: GrantRequest, { store, readEnrolment }: ProveDeps): Promise<void> => {
  const kept = await store.enrolments.get(request.enrolment)
  const enrolment = kept === undefined ? undefined : readEnrolment(kept)
  if (enrolment === undefined || enrolment.fingerprint !== request.enrolment)
    throw new TelpherError('enrolment_refused', `the key ${request.enrolment} is not enrolled for pool ${request.pool}`)
  if (enrolment.pool !== request.pool)
    throw new TelpherError('enrolment_refused', `the key ${request.enrolment} is of pool ${enrolment.pool}, not of ${request.pool}`)
  if (!isRequestSigned(signed, enrolment.key))
    throw new TelpherError('enrolment_refused', `the request is not signed with the key ${request.enrolment}`)
}

const heldBy = async (request: GrantRequest, { entry }: TakenRequest, envelope: Envelope, { store }: ProveDeps): Promise<void> => {
  const asking = { worker: request.worker, number: request.number, entry }
  // What has ended may be ended once more: it takes nothing from anybody.
  const isHeld = request.kind !== 'end'
  const proof =
    envelope.kind === 'job'
      ? await store.claims.prove(envelope, asking, isHeld)
      : await store.checks.prove(envelope.checkId, asking, isHeld)
  const what = envelope.kind === 'job' ? `attempt ${envelope.attempt} of ${envelope.jobId}` : `check ${envelope.checkId}`
  if (proof === 'unproven')
    throw new TelpherError('claim_unproven', `the claim of worker ${request.worker} on ${what} was not renewed lately`)
  if (proof === 'repeated') throw new TelpherError('request_repeated', `this was asked before for ${what}`)
  if (proof === 'lost') throw refused(`worker ${request.worker} does not hold ${what}`)
}

/**
 * That a worker of the pool asks, for an attempt that a server gave to its pool, and that it holds now.
 * @throws TelpherError enrolment_refused, envelope_refused, envelope_expired, server_outdated, grant_refused, claim_unproven, unknown_target,
 *   unknown_deployment
 */
export const prove = async (taken: TakenRequest, request: GrantRequest, deps: ProveDeps): Promise<Proven> => {
  const { store, now } = deps
  const envelope = request.envelope && deps.openEnvelope(request.envelope)
  if (envelope === undefined) throw new TelpherError('envelope_refused', 'it is not signed')
  if (envelope === 'newer') throw new TelpherError('server_outdated', 'a newer server signed what the worker holds')
  if (envelope.pool !== request.pool) throw refused(`the attempt is of pool ${envelope.pool}, not of ${request.pool}`)
  mustNotBeOver(envelope, now())
  const [target, job] = await Promise.all([
    store.targets.get(envelope.target),
    envelope.kind === 'job' ? store.jobs.get(envelope) : undefined,
    proveEnrolment(taken, request, deps),
  ])
  if (target.pool !== envelope.pool) throw refused(`target ${target.name} is in pool ${target.pool} now, not in ${envelope.pool}`)
  if (job !== undefined && envelope.kind === 'job') mustBeSigned(job, envelope)
  await heldBy(request, taken, envelope, deps)
  return { envelope, target, ...(job === undefined ? {} : { job }) }
}

/** Once more after what takes long: who lost the attempt meanwhile gets nothing. @throws TelpherError grant_refused, claim_unproven */
export const stillHeld = (taken: TakenRequest, request: GrantRequest, { envelope }: Proven, deps: ProveDeps): Promise<void> =>
  heldBy(request, taken, envelope, deps)
