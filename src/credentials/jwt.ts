/** What is read of a token without trusting it: the API server alone can check it. */
export interface Claims {
  /** JTI. */
  readonly id?: string
  /** Times in ms since the epoch, by the clock of whoever made it. */
  readonly issuedAt?: number
  readonly expiresAt?: number
}

const time = (claims: object, name: string): number | undefined => {
  const value: unknown = Reflect.get(claims, name)
  // Beyond this no Date can say it: such a token does not expire in any sense that matters.
  return typeof value === 'number' && value * 1000 <= 8.64e15 ? value * 1000 : undefined
}

/** The claims of a JWT (RFC 7519) that matter here; none of them for another token. */
export const claimsOf = (token: string): Claims => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    if (typeof claims !== 'object' || claims === null) return {}
    const [issuedAt, expiresAt] = [time(claims, 'iat'), time(claims, 'exp')]
    const id = 'jti' in claims && typeof claims.jti === 'string' && claims.jti !== '' ? claims.jti : undefined
    return {
      ...(id === undefined ? {} : { id }),
      ...(issuedAt === undefined ? {} : { issuedAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }
  } catch {
    return {}
  }
}
