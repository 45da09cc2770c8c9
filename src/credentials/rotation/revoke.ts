import { setTimeout as pause } from 'node:timers/promises'
import type { Unconfirmed } from '../../model/rotation.ts'
import type { PlainCredential } from '../account.ts'
import { claimsOf } from '../jwt.ts'
import { isTaken } from '../modes/who.ts'
import { endsTurn, type HeldAccount, type RotationDeps } from './held.ts'
import { identityOf, listOwn, type OwnIdentity, removeOwn } from './own-token.ts'

/** Pauses between two questions whether a token is still taken, in ms; the last one is repeated. The API server remembers tokens for 10 s. */
const askPauses = [250, 750, 2000, 3000, 4000, 500]
const lastPause = 500
/** An expired token is refused, whatever the clocks say, when its expiry is so long ago, in ms. */
const longOverMs = 120_000

/** Whose token it is, where Telpher can mint and end tokens of it. */
export const ownIdentity = (held: HeldAccount, plain: PlainCredential): OwnIdentity | undefined =>
  plain.kind === 'token-request' ? identityOf(plain.token, held.turn().target.name) : undefined

/**
 * Whether a credential was seen to be refused: twice, so that one odd answer of something between is no proof.
 * @param patienceMs how long it is waited for
 */
export const isRefused = (held: HeldAccount, plain: PlainCredential, patienceMs: number): Promise<boolean> =>
  held.as(plain, async (api) => {
    const end = performance.now() + patienceMs
    for (let [asked, refusals] = [0, 0]; ; asked++) {
      refusals = (await isTaken(api)) ? 0 : refusals + 1
      if (refusals === 2) return true
      if (refusals === 0 && performance.now() > end) return false
      await pause(refusals > 0 ? 100 : (askPauses[asked] ?? lastPause))
    }
  })

/** Deletes what a token is bound to. What is bound to nothing can only be waited out. */
const endToken = async (held: HeldAccount, dying: PlainCredential): Promise<void> => {
  const used = await held.open(held.turn().rotation.version)
  const identity = ownIdentity(held, used)
  const secret = dying.kind === 'token-request' ? claimsOf(dying.token).secret : undefined
  if (identity === undefined || secret === undefined) return
  await held.within(() => held.as(used, (api) => removeOwn(api, identity, secret)))
}

/** Ends a version that should be dead. @returns its credential; undefined where nobody can open it any more and its time is over */
const endVersion = async (held: HeldAccount, { version, expiresAt }: Unconfirmed): Promise<PlainCredential | undefined> => {
  const isOver = expiresAt !== undefined && expiresAt + longOverMs < held.now()
  const plain = await held.open(version).catch((thrown: unknown) => {
    // What nobody can open any more is waited out.
    if (isOver) return undefined
    throw thrown
  })
  if (plain !== undefined) await endToken(held, plain)
  return plain
}

/**
 * Ends each version that should be dead, the newest first, which may be in wrong hands; then looks whether the API server refuses them. One that
 * cannot be ended keeps no other.
 * @throws TelpherError sealed_record, rotation_mint, target_*: of the newest one that had it
 */
export const revokeAndConfirm = async (held: HeldAccount, deps: Pick<RotationDeps, 'times'>): Promise<void> => {
  const troubles: unknown[] = []
  const apart = (work: Promise<void>): Promise<void> =>
    work.catch((thrown: unknown) => {
      if (endsTurn(thrown)) throw thrown
      troubles.push(thrown)
    })
  const ended: { readonly version: number; readonly plain: PlainCredential | undefined }[] = []
  const end = async (one: Unconfirmed): Promise<void> => {
    ended.push({ version: one.version, plain: await endVersion(held, one) })
  }
  const confirm = async ({ version, plain }: (typeof ended)[number]): Promise<void> => {
    if (plain !== undefined && !(await isRefused(held, plain, deps.times.confirmMs))) return
    await held.step({ type: 'dead', version }, { drop: version, ...(plain === undefined ? {} : { about: plain }) })
  }
  for (const one of held.turn().rotation.unconfirmed.toReversed()) await apart(end(one))
  for (const one of ended) await apart(confirm(one))
  if (troubles.length > 0) throw troubles[0]
}

/**
 * Deletes Secrets of the identity that no token of ours is bound to: leftovers of a rotation that was cut, or what a thief minted.
 * @throws TelpherError sealed_record, rotation_mint, target_*
 */
export const sweepOwn = async (held: HeldAccount, { log }: Pick<RotationDeps, 'log'>): Promise<void> => {
  const { rotation, target } = held.turn()
  const used = await held.open(rotation.version)
  const identity = ownIdentity(held, used)
  const uidOf = (plain: PlainCredential): string | undefined => ('token' in plain ? claimsOf(plain.token).secret?.uid : undefined)
  // A token that is bound to nothing says nothing about what others there are.
  if (identity === undefined || uidOf(used) === undefined) return
  const known = new Set([uidOf(used)])
  for (const version of rotation.kept) {
    // One that nobody can open should be dead, like all that are kept now: its Secret goes too.
    const plain = await held.open(version).catch((thrown: unknown) => {
      if (endsTurn(thrown)) throw thrown
      return undefined
    })
    if (plain !== undefined) known.add(uidOf(plain))
  }
  await held.within(() =>
    held.as(used, async (api) => {
      for (const secret of await listOwn(api, identity)) {
        if (known.has(secret.uid)) continue
        await removeOwn(api, identity, secret)
        log({ level: 'warn', msg: 'a Secret that no token of ours is bound to was deleted', target: target.name, secret: secret.name })
      }
    }),
  )
}
