/** What is read of a token without trusting it: the API server alone can check it. */
export interface Claims {
  /** JTI. */
  readonly id?: string
  /** Times in ms since the epoch, by the clock of whoever made it. */
  readonly issuedAt?: number
  readonly expiresAt?: number
  /** Whose it is, such as `system:serviceaccount:NAMESPACE:NAME`. */
  readonly subject?: string
  /** The Secret that a token of a service account is bound to. */
  readonly secret?: { readonly name: string; readonly uid: string }
}

/** Private claims of Kubernetes (pkg/serviceaccount/claims.go). */
const secretOf = (claims: object): Claims['secret'] => {
  const { secret } = ((claims as Record<string, unknown>)['kubernetes.io'] ?? {}) as { secret?: { name?: unknown; uid?: unknown } }
  return typeof secret?.name === 'string' && typeof secret.uid === 'string' ? { name: secret.name, uid: secret.uid } : undefined
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
    const subject = 'sub' in claims && typeof claims.sub === 'string' ? claims.sub : undefined
    const secret = secretOf(claims)
    return {
      ...(subject === undefined ? {} : { subject }),
      ...(secret === undefined ? {} : { secret }),
      ...(id === undefined ? {} : { id }),
      ...(issuedAt === undefined ? {} : { issuedAt }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    }
  } catch {
    return {}
  }
}
