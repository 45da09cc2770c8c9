import type { FederationNames } from '../../model/federation.ts'
import { Secret } from '../../model/secret.ts'
import type { SigningKey } from '../federation/keys.ts'
import { claimsFor, readSigningKey, signToken } from '../federation/token.ts'
import { type FixedTarget, fixedMode } from './fixed.ts'
import type { Mode } from './mode.ts'

/**
 * Tokens of our own, which the API server trusts because it is told to: nothing of the cluster is stored, nobody is asked to mint one,
 * and none can be taken back before its 10 minutes are over.
 * @param signs the key that is published for this target
 */
export const federatedMode = (names: FederationNames, signs: SigningKey, target: FixedTarget): Mode => {
  const key = readSigningKey(signs.key)
  return fixedMode({
    ...target,
    name: 'federated',
    renewable: true,
    async credential(attempt) {
      const claims = claimsFor(names, attempt, Date.now())
      const token = new Secret(signToken(signs.kid, key, claims))
      return { id: claims.jti, kind: 'bearer', token, expiresAt: claims.exp * 1000 }
    },
  })
}
