import { z } from 'zod'

/** A public key of ours in the form that API servers read (RFC 7517). */
export interface PublicKey {
  readonly kty: 'RSA'
  readonly use: 'sig'
  readonly alg: 'RS256'
  readonly kid: string
  /** Modulus and exponent, base64url. */
  readonly n: string
  readonly e: string
}

/** How a target is known to the API server that trusts our tokens for it. */
export interface FederationNames {
  /** https:// address under which the discovery document lies. */
  readonly issuer: string
  readonly audience: string
  readonly subject: string
}

/** The same with the keys that tokens may be signed with: the first one signs, others are published before and after their time. */
export interface Federation extends FederationNames {
  readonly keys: readonly PublicKey[]
}

/** Put before the subject by the API server's configuration. */
export const usernamePrefix = 'telpher:'

/** The user that the API server takes our subject for: nobody else's name begins so. */
export const usernameOf = ({ subject }: Pick<FederationNames, 'subject'>): string => `${usernamePrefix}${subject}`

export const publicKeySchema: z.ZodType<PublicKey> = z.object({
  kty: z.literal('RSA'),
  use: z.literal('sig'),
  alg: z.literal('RS256'),
  kid: z.string(),
  n: z.string(),
  e: z.string(),
})

/** As requests for the names alone are answered. */
export const federationNamesSchema: z.ZodType<FederationNames> = z.object({
  issuer: z.string(),
  audience: z.string(),
  subject: z.string(),
})

export const federationSchema: z.ZodType<Federation> = z.object({
  issuer: z.string(),
  audience: z.string(),
  subject: z.string(),
  keys: z.array(publicKeySchema),
})
