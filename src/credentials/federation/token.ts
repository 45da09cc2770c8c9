import { createPrivateKey, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { AttemptRef } from '../../model/deployment.ts'
import { TelpherError } from '../../model/errors.ts'
import type { FederationNames } from '../../model/federation.ts'
import { isId } from '../../model/ids.ts'
import { mustBeNames } from './names.ts'

/** How long a token lives: what cannot be taken back lives no longer than the least that API servers themselves give. */
export const tokenLifeMs = 600_000

/** What a token says (RFC 7519); none of it is ever absent or empty. */
export interface TokenClaims {
  readonly iss: string
  readonly aud: string
  readonly sub: string
  readonly jti: string
  /** Seconds since the epoch. */
  readonly iat: number
  readonly nbf: number
  readonly exp: number
}

/**
 * What the token of an attempt says.
 * @param now ms since the epoch
 * @throws TelpherError token_refused when it would not say whose it is
 */
export const claimsFor = (names: FederationNames, { jobId, attempt }: AttemptRef, now: number): TokenClaims => {
  mustBeNames(names)
  if (!isId('job', jobId) || !Number.isSafeInteger(attempt) || attempt < 0)
    throw new TelpherError('token_refused', 'jti: a token would not say whose it is', { field: 'jti' })
  const iat = Math.floor(now / 1000)
  if (!Number.isSafeInteger(iat) || iat <= 0) throw new TelpherError('token_refused', 'iat: the clock says no time', { field: 'iat' })
  return {
    iss: names.issuer,
    aud: names.audience,
    sub: names.subject,
    jti: `${jobId}.${attempt}.${randomBytes(9).toString('base64url')}`,
    iat,
    nbf: iat,
    exp: iat + tokenLifeMs / 1000,
  }
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The key in the form that signs; reading PEM takes longer than signing. */
export const readSigningKey = (pem: string): KeyObject => createPrivateKey(pem)

/** A JWT by RS256 (RFC 7515). */
export const signToken = (kid: string, key: KeyObject, claims: TokenClaims): string => {
  const text = `${part({ alg: 'RS256', kid, typ: 'JWT' })}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`
}
