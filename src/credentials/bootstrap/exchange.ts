import { createHash } from 'node:crypto'
import type { Credential } from '../../model/credential.ts'
import { TelpherError } from '../../model/errors.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import { Secret } from '../../model/secret.ts'
import { claimsOf } from '../jwt.ts'
import { identityOf, makeOwn, mintOwn, removeOwn } from '../rotation/own-token.ts'
import { namesOf, ownSecretName, type SetupOptions } from './objects.ts'
import { untilInForce } from './prove.ts'

/** What came of a token that somebody gave. */
export interface Given {
  /** The identity's own, which somebody else has never seen. */
  readonly token: string
  /** Whether the given one was ended: what is bound to nothing cannot be. */
  readonly ended: boolean
  /** When it ends by itself, in ms since the epoch. */
  readonly expiresAt?: number
}

/** The number of the first version of an account: rotation goes on with the next one. */
const firstVersion = 1

const bearer = (token: string): Credential => ({
  id: createHash('sha256').update(token).digest('hex').slice(0, 16),
  kind: 'bearer',
  token: new Secret(token),
})

/**
 * Uses a token of a bootstrap identity for one thing: the identity's own next token, bound to a Secret of its own, for a week at most. Then
 * the given one is ended, with the new one, where it is bound to a Secret of the identity.
 * @param connect to the target, with any credential
 * @throws TelpherError setup_refused when it is another's token; rotation_mint, target_unauthorized, target_*
 */
export const exchangeToken = async (
  given: string,
  connect: (credential: Credential) => ClusterConnection,
  { server, target, home }: SetupOptions & { readonly server: string },
): Promise<Given> => {
  const identity = identityOf(given, target)
  const { bootstrap } = namesOf(target)
  if (identity === undefined || identity.home !== home || identity.name !== bootstrap)
    throw new TelpherError('setup_refused', `the token is not of the service account ${home}/${bootstrap}`, { field: '--bootstrap-token' })
  const { secret, expiresAt } = claimsOf(given)
  // Making its Secret anew would end it before it was of use; and whoever has it has what Telpher made for itself.
  if (secret?.name === ownSecretName(bootstrap, firstVersion))
    throw new TelpherError('setup_refused', 'the token is one that Telpher made for itself: give a new one, as --print-rbac says', {
      field: '--bootstrap-token',
    })
  const isOurs = secret?.name === bootstrap
  const before = connect(bearer(given))
  try {
    const api = { server, connection: before }
    const uid = await untilInForce(() => makeOwn(api, identity, { version: firstVersion }))
    const token = await untilInForce(() => mintOwn(api, identity, { version: firstVersion, uid }))
    const after = connect(bearer(token))
    try {
      if (isOurs) await removeOwn({ server, connection: after }, identity, secret)
    } finally {
      after.close()
    }
    return { token, ended: isOurs, ...(expiresAt === undefined ? {} : { expiresAt }) }
  } finally {
    before.close()
  }
}
