import { TelpherError } from '../../model/errors.ts'
import { addressesOf } from '../../model/target.ts'
import type { PlainCredential } from '../account.ts'
import { ownSecretName } from '../bootstrap/objects.ts'
import type { HeldAccount, RotationDeps } from './held.ts'
import { makeOwn, mintOwn, removeOwn } from './own-token.ts'
import { ownIdentity } from './revoke.ts'
import { verifyCredential } from './verify.ts'

/** `intent` → `minted` → `sealed`: the bootstrap identity's next token. @throws TelpherError rotation_mint, target_*, sealed_record */
export const mintNext = async (held: HeldAccount, { installation }: Pick<RotationDeps, 'installation'>): Promise<void> => {
  const { rotation } = held.turn()
  const { next: version, id } = rotation
  const used = await held.open(rotation.version)
  const identity = ownIdentity(held, used)
  if (used.kind !== 'token-request' || identity === undefined || version === undefined || id === undefined)
    throw new TelpherError('rotation_mint', 'its token does not say of which service account it is')
  const uid = await held.as(used, (api) => makeOwn(api, identity, { version, rotation: id, installation }))
  await held.step({ type: 'made', uid })
  const token = await held.as(used, (api) => mintOwn(api, identity, { version, uid }))
  const made = { ...used, token }
  await held.step({ type: 'sealed' }, { put: held.sealAs(version, made), about: made })
}

/** Deletes the Secret of a version that never came to be stored, with any token that is bound to it. */
export const removeNext = async (held: HeldAccount): Promise<void> => {
  const { rotation } = held.turn()
  const { uid, next } = rotation
  const used = await held.open(rotation.version)
  const identity = ownIdentity(held, used)
  if (identity === undefined || uid === undefined || next === undefined) return
  await held.as(used, (api) => removeOwn(api, identity, { name: ownSecretName(identity.name, next), uid }))
}

/** `intent` → `sealed`: what a person gave. @throws TelpherError rotation_refused, sealed_record */
export const takeGiven = async (held: HeldAccount): Promise<void> => {
  const { wish, rotation } = held.turn()
  if (wish?.kind !== 'replace' || wish.id !== rotation.id || rotation.next === undefined)
    throw new TelpherError('rotation_refused', 'the credential that was given is gone: give it again')
  const given = held.openGiven(wish.sealed)
  await held.step({ type: 'sealed' }, { put: held.sealAs(rotation.next, given), answered: wish.id, about: given })
}

/**
 * Proves a credential by itself at every address of the target, and that it may do all that another one may, where that one still works.
 * @throws TelpherError rotation_unverified, target_*
 */
export const proveInPlaceOf = async (held: HeldAccount, next: PlainCredential, used: PlainCredential): Promise<void> => {
  const { target } = held.turn()
  if (next.kind !== used.kind) throw new TelpherError('rotation_unverified', `a ${used.kind} cannot be replaced by a ${next.kind}`)
  const home = used.kind === 'token-request' ? [used.namespace] : []
  const { namespaces } = target.policy
  const proof = {
    credential: next,
    beforeCredential: used,
    namespaces: [...home, ...(namespaces.length === 0 ? [target.namespace] : namespaces)],
    namespace: target.namespace,
  }
  for (const address of addressesOf(target))
    await held.as(next, (after) => held.as(used, (before) => verifyCredential({ ...proof, after, before }), address), address)
}

/** `sealed` → `verified`. @throws TelpherError rotation_unverified, target_*, sealed_record */
export const verifyNext = async (held: HeldAccount): Promise<void> => {
  const { next = 0, version } = held.turn().rotation
  const plain = await held.open(next)
  await proveInPlaceOf(held, plain, await held.open(version))
  await held.step({ type: 'verified' }, { about: plain })
}
