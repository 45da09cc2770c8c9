import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { mustHoldNoCredential } from './clear-credential.ts'
import { TelpherError } from './errors.ts'
import { isId } from './ids.ts'
import type { Signed } from './signature.ts'
import { type DeploymentRequest, type DeploymentRequestInput, deploymentRequestSchema } from './step.ts'
import { matchesTags, tagExpressionSchema } from './tags.ts'
import { nameSchema, type Target } from './target.ts'

/** A service that may submit deployments through Redis, by the key that it signs with. */
export interface Producer {
  name: string
  /** Ed25519, PEM (SubjectPublicKeyInfo). */
  publicKey: string
  /** First 8 bytes of the SHA-256 of the key's DER, in hexadecimal. */
  fingerprint: string
  /** Only targets for which one of these tag expressions holds; every target when absent. */
  tags?: string[] | undefined
  /** ms since the epoch. */
  createdAt: number
}

/** A producer that was enrolled just now. */
export interface EnrolledProducer extends Producer {
  /** What servers sign with, PEM: a producer seals to nothing else than what is signed with it. */
  serverKey: string
}

/** A producer as it is enrolled. */
export interface NewProducer {
  name: string
  publicKey: string
  tags?: string[] | undefined
}

/** What a producer signs: everything that decides what becomes of it. */
export interface Submission {
  version: 1
  producer: string
  /** A deployment is made of it once. */
  id: string
  /** ms since the epoch; after it the submission is refused. */
  expiresAt: number
  request: DeploymentRequest
}

/** What a server answers: the deployment, or why there is none. */
export type Answer =
  | { readonly deployment: string }
  | { readonly code: string; readonly message: string; readonly field?: string | undefined }

/** How long a submission is good for at most, in ms. */
export const submissionMs = 300_000
const longestMs = 2 * submissionMs

/** Nothing that is signed for another purpose can be taken for a submission. */
const purpose = 'telpher submission 1\n'

const keyOf = (pem: string): KeyObject | undefined => {
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyType === 'ed25519' ? key : undefined
  } catch {
    return undefined
  }
}

export const newProducerSchema: z.ZodType<NewProducer, NewProducer> = z.strictObject({
  name: nameSchema,
  // A private key would be taken for its public half, and stored.
  publicKey: z
    .string()
    .max(1000)
    .refine((pem) => !pem.includes('PRIVATE') && keyOf(pem) !== undefined, 'give an Ed25519 public key in PEM'),
  tags: z.array(tagExpressionSchema).min(1).max(20).optional(),
})

export const fingerprintOf = (publicKey: string): string => {
  const der = createPublicKey(publicKey).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('hex').slice(0, 16)
}

/** Why a producer gives no values. */
export const valuesInRedis = 'a submission lies in Redis as it is, so it names stored secrets only: telpher secret set NAME --file FILE'

const placesOf = ({ steps }: Pick<DeploymentRequestInput, 'steps'> | DeploymentRequest, field: 'value' | 'secret'): string[] =>
  steps.flatMap((step, index) =>
    Object.entries((step.kind === 'helm' ? step.setSecret : undefined) ?? {}).flatMap(([path, secret]) =>
      field in secret ? [`steps.${index}.setSecret.${path}`] : [],
    ),
  )

/** Where a request has a secret's value instead of a name, if anywhere. */
export const hasValues = (request: Pick<DeploymentRequestInput, 'steps'> | DeploymentRequest): string | undefined =>
  placesOf(request, 'value')[0]

const secretsNamed = (request: DeploymentRequest): string | undefined => placesOf(request, 'secret')[0]

const submissionSchema: z.ZodType<Submission> = z.strictObject({
  version: z.literal(1),
  producer: nameSchema,
  id: z.string().refine((id) => isId('sub', id)),
  expiresAt: z.number().int(),
  request: deploymentRequestSchema,
})

/** @param key the producer's private key, Ed25519 (RFC 8032) */
export const signSubmission = (submission: unknown, key: KeyObject): Signed => {
  const body = JSON.stringify(submission)
  return { body, signature: sign(null, Buffer.from(`${purpose}${body}`), key).toString('base64') }
}

const isSigned = ({ body, signature }: Signed, publicKey: string): boolean => {
  const key = keyOf(publicKey)
  return key !== undefined && verify(null, Buffer.from(`${purpose}${body}`), key, Buffer.from(signature, 'base64'))
}

/**
 * Reads a submission that lay where anybody who reaches Redis could have put it.
 * @param producer whose key it must be signed with
 * @param now ms since the epoch
 * @throws TelpherError submission_refused when it is not signed so or has expired; invalid_input, credential_in_clear that name the field
 */
export const openSubmission = (signed: Signed, producer: Producer, now: number): Submission => {
  if (!isSigned(signed, producer.publicKey))
    throw new TelpherError('submission_refused', `the submission is not signed with the key of producer ${producer.name}`)
  const read = submissionSchema.safeParse(JSON.parse(signed.body))
  if (!read.success) {
    const [issue] = read.error.issues
    const field = issue?.path.join('.') ?? ''
    throw new TelpherError('invalid_input', `${field}: ${issue?.message}`, { field })
  }
  if (read.data.producer !== producer.name)
    throw new TelpherError('submission_refused', `the submission is another producer's than ${producer.name}`)
  mustHoldNoCredential(read.data.request)
  const given = hasValues(read.data.request)
  if (given !== undefined) throw new TelpherError('secret_refused', `${given}: ${valuesInRedis}`, { field: given })
  const named = producer.tags === undefined ? undefined : secretsNamed(read.data.request)
  // Deployed to a target of its own, a chart could show it any secret of the others.
  if (named !== undefined)
    throw new TelpherError('secret_refused', `${named}: producer ${producer.name} may deploy to some targets only, and names no secrets`, {
      field: named,
    })
  // What was answered is remembered for a day: later a second deployment could be made of it.
  if (read.data.expiresAt > now + longestMs)
    throw new TelpherError('submission_refused', 'the submission expires too late: the clock of the producer is ahead')
  if (read.data.expiresAt < now) throw new TelpherError('submission_refused', 'the submission has expired before a server took it')
  return read.data
}

/** @throws TelpherError target_not_allowed for the first target that a producer may not deploy to */
export const mustBeAllowed = ({ name, tags }: Producer, targets: readonly Target[]): void => {
  const stranger = targets.find((target) => tags !== undefined && !tags.some((expression) => matchesTags(expression, target.tags)))
  if (stranger !== undefined)
    throw new TelpherError('target_not_allowed', `producer ${name} may not deploy to ${stranger.name}`, { field: 'targets' })
}
