import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Credential } from './credential.ts'
import { type ErrorCode, errorTable, TelpherError } from './errors.ts'
import { Secret } from './secret.ts'
import { isSigned, type Signed, signText } from './signature.ts'
import { nameSchema } from './target.ts'

/** What a worker can ask a broker for: whether it is enrolled, and four things for an attempt that it holds. */
export const askKinds = ['hello', 'grant', 'renew', 'end', 'secrets'] as const
export type AskKind = (typeof askKinds)[number]

/** The newest version of a request that this program understands; docs/reference/versions.md has the rule. */
export const requestVersion = 1

/** What a worker signs with the key of its pool. */
export interface GrantRequest {
  version: number
  kind: AskKind
  /** Of this request: it is answered once. */
  id: string
  pool: string
  /** The fingerprint of the key that signs it. */
  enrolment: string
  /** The id of the worker, which holds the attempt. */
  worker: string
  /** The worker's own X25519 key of this start, raw in base64: the answer is sealed to it. */
  sealTo: string
  /** Counts the requests for one attempt: one that is not above the last is refused. */
  number: number
  /** Of the attempt, as it lay in the queue; absent for hello. */
  envelope?: { body: string; signature: string } | undefined
  /** How long a credential should live, in ms. */
  lifetimeMs?: number | undefined
}

const requestSchema: z.ZodType<GrantRequest> = z.object({
  version: z.int().min(1).max(requestVersion),
  kind: z.enum(askKinds),
  id: z.string().regex(/^[\w-]{1,64}$/),
  pool: nameSchema,
  enrolment: z.string().regex(/^[0-9a-f]{16}$/),
  worker: z.string().regex(/^[\w-]{1,64}$/),
  sealTo: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
  number: z.int().min(1),
  envelope: z.object({ body: z.string().max(262_144), signature: z.string().max(100) }).optional(),
  lifetimeMs: z.number().min(0).max(86_400_000).optional(),
})

/** @param key the pool's private key */
export const signRequest = (request: GrantRequest, key: KeyObject): Signed => signText('grant request', JSON.stringify(request), key)

/**
 * What a request says it is, before anything of it is proven; undefined when it cannot be read.
 * @returns `newer` for one that only a newer server understands
 */
export const readRequest = ({ body }: Signed): GrantRequest | 'newer' | undefined => {
  try {
    const said: unknown = JSON.parse(body)
    if (typeof said !== 'object' || said === null) return undefined
    if ('version' in said && typeof said.version === 'number' && said.version > requestVersion) return 'newer'
    return requestSchema.safeParse(said).data
  } catch {
    return undefined
  }
}

/** Whether the workers of an enrolment signed it. */
export const isRequestSigned = (signed: Signed, key: KeyObject): boolean => isSigned('grant request', signed, [key])

/** A credential on its way to a worker; its life is said from now on, since clocks may differ. */
export type CarriedCredential = { readonly id: string; readonly livesMs?: number | undefined } & (
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'client-certificate'; readonly certificate: string; readonly key: string }
)

/** What a broker answers with, in clear: it only leaves sealed. */
export type GrantAnswer =
  | { readonly is: 'done' }
  | {
      readonly is: 'credential'
      readonly credential: CarriedCredential
      readonly renewable: boolean
      readonly packageKey?: string
      readonly way?: string
    }
  /** In the mode in-cluster nothing is stored: the worker has the token of its own pod. With a grant comes the key of the step's package, in base64, and where the credential is for. */
  | { readonly is: 'use-own'; readonly packageKey?: string; readonly way?: string }
  | { readonly is: 'secrets'; readonly values: Readonly<Record<string, string>> }
  | { readonly is: 'refused'; readonly code: string; readonly message: string; readonly field?: string | undefined }

/** @param now ms since the epoch */
export const carry = (credential: Credential, now: number): CarriedCredential => {
  const { id, expiresAt } = credential
  const life = expiresAt === undefined ? {} : { livesMs: expiresAt - now }
  return credential.kind === 'bearer'
    ? { id, kind: 'bearer', token: credential.token.reveal(), ...life }
    : { id, kind: 'client-certificate', certificate: credential.certificate, key: credential.key.reveal(), ...life }
}

/** @param now ms since the epoch */
export const uncarry = (carried: CarriedCredential, now: number): Credential => {
  const { id, livesMs } = carried
  const expiry = livesMs === undefined ? {} : { expiresAt: now + livesMs }
  return carried.kind === 'bearer'
    ? { id, kind: 'bearer', token: new Secret(carried.token), ...expiry }
    : { id, kind: 'client-certificate', certificate: carried.certificate, key: new Secret(carried.key), ...expiry }
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code)

/** A refusal as the error that it was at the server. */
export const refusalOf = ({ code, message, field }: Extract<GrantAnswer, { is: 'refused' }>): TelpherError =>
  new TelpherError(isCode(code) ? code : 'internal', message, field === undefined ? {} : { field })
