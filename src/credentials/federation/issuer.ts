import { TelpherError } from '../../model/errors.ts'
import type { FederationNames } from '../../model/federation.ts'
import type { PlainCredential } from '../account.ts'
import { makeSigningKey } from './keys.ts'
import { federationNames } from './names.ts'

/** What an installation needs to be believed by API servers. */
export interface Issuer {
  /** How a target of that name is known. @throws TelpherError issuer_missing, token_refused */
  names(target: string): FederationNames
  /** The same with a key of its own, to be sealed. @throws TelpherError issuer_missing, token_refused */
  issue(target: string): Promise<PlainCredential>
}

/**
 * @param base https:// address of the issuers as API servers reach them; undefined where none is known
 * @param installation its id
 */
export const createIssuer = (base: string | undefined, installation: string): Issuer => {
  const names = (target: string): FederationNames => {
    if (base === undefined) throw new TelpherError('issuer_missing', 'this server has no address of an issuer')
    return federationNames(base, installation, target)
  }
  return { names, issue: async (target) => ({ kind: 'federated', ...names(target), keys: [await makeSigningKey()] }) }
}
