import { nextRotation, rotatesItself } from '../../model/account.ts'
import { type TelpherError, toTelpherError } from '../../model/errors.ts'
import { newId } from '../../model/ids.ts'
import type { RotationTurn } from '../../model/rotationjournal.ts'
import { answerTo, expiryOf, refuseWish } from './answers.ts'
import { drain } from './drain.ts'
import { endsTurn, type HeldAccount, holdAccount, LostTurn, type Next, type RotationDeps } from './held.ts'
import { beginAndMake, isMaking, make } from './make.ts'
import { removeNext } from './renew.ts'
import { revokeAndConfirm, sweepOwn } from './revoke.ts'

/** An account at rest is looked at so often all the same, in ms: for leftovers in its cluster. */
const restMs = 3_600_000

/** Begins what was asked for, or what is due. @returns whether a rotation has begun */
const begin = async (held: HeldAccount, deps: RotationDeps): Promise<boolean> => {
  const { wish, rotation, target } = held.turn()
  if (wish === undefined) {
    const at = nextRotation(target, rotation)
    if (at === undefined || at > held.now()) return false
    await beginAndMake(held, deps, { id: newId('rot'), source: 'minted', hurry: false, isDue: true })
    return true
  }
  const { id, kind } = wish
  const { mode } = target.account
  if (kind === 'rollback') await refuseWish(held, id, 'rotation_too_late', 'there is no version to go back to')
  else if (mode === 'in-cluster' || mode === 'federated')
    await refuseWish(held, id, 'rotation_refused', `in the mode ${mode} nothing of the cluster is stored: there is nothing to rotate`)
  else if (kind !== 'replace' && !rotatesItself(target))
    await refuseWish(held, id, 'rotation_refused', `Telpher cannot renew a ${mode}: give it the new one with --from-kubeconfig or --token`)
  else {
    const isGiven = kind === 'replace'
    const begun = { id, source: isGiven ? 'given' : 'minted', hurry: kind === 'revoke' } as const
    // What was given is in the wish until it is stored.
    await beginAndMake(held, deps, begun, isGiven ? {} : { answered: id })
    return true
  }
  return false
}

/** Ends what should be dead, as far as that can be done now: what is not seen dead stays on the list, and is an alarm. @returns what was wrong */
const endOld = async (held: HeldAccount, deps: RotationDeps): Promise<TelpherError | undefined> => {
  try {
    await revokeAndConfirm(held, deps)
    return undefined
  } catch (thrown) {
    if (endsTurn(thrown)) throw thrown
    const trouble = toTelpherError(thrown)
    const { code, message } = trouble
    deps.log({ level: 'warn', msg: 'what should be dead cannot be ended', target: held.turn().target.name, code, error: message })
    return trouble
  }
}

const rest = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  // An old one that stays keeps no new one: the used one would run out.
  if (held.turn().rotation.unconfirmed.length > 0) await endOld(held, deps)
  if (await begin(held, deps)) return undefined
  const { target, rotation } = held.turn()
  if (rotatesItself(target)) await sweepOwn(held, deps)
  const soon = held.now() + (rotation.unconfirmed.length > 0 ? deps.times.againMs : restMs)
  return Math.min(nextRotation(target, rotation) ?? soon, soon)
}

/** `revoked` → `confirmed`, when the version before was seen to be refused; else it stays, and says so. */
const confirm = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  const trouble = await endOld(held, deps)
  const { state, version, previous, id, answer } = held.turn().rotation
  if (state === 'confirmed') return undefined
  if (id !== undefined && answer?.id !== id) {
    const sentence = `version ${version} is used; version ${previous} was not seen to be refused yet${trouble === undefined ? '' : `: ${trouble.message}`}`
    await held.write({ rotation: { ...held.turn().rotation, ...answerTo(id, false, sentence, 'rotation_unconfirmed') } })
  }
  return (await begin(held, deps)) ? undefined : held.now() + deps.times.againMs
}

const close = async (held: HeldAccount, deps: RotationDeps): Promise<void> => {
  const { id, version } = held.turn().rotation
  if (rotatesItself(held.turn().target)) await sweepOwn(held, deps)
  await held.step({ type: 'closed' }, answerTo(id, true, `version ${version} is used, and the one before it is refused`))
}

const onward = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  switch (held.turn().rotation.state) {
    case 'stable':
      return rest(held, deps)
    case 'intent':
    case 'minted':
    case 'sealed':
    case 'verified':
      await held.within(() => make(held, deps))
      return undefined
    case 'draining':
      return drain(held, deps)
    case 'revoked':
      return confirm(held, deps)
    case 'confirmed':
      await close(held, deps)
      return undefined
  }
}

/** The version in use stays; what was made of the next one goes. */
const fail = async (held: HeldAccount, deps: RotationDeps, thrown: unknown): Promise<void> => {
  const { code, message } = toTelpherError(thrown)
  const { id, next, kept, state } = held.turn().rotation
  const made = next !== undefined && kept.includes(next) ? await held.open(next).catch(() => undefined) : undefined
  // Best effort: the next sweep finds what stays.
  if (made === undefined) await held.within(() => removeNext(held)).catch(() => {})
  deps.log({ level: 'warn', msg: 'a rotation failed', target: held.turn().target.name, state, code, error: message })
  const event = { type: 'failed', code, sentence: message, ...(made === undefined ? {} : expiryOf(made)) } as const
  await held.step(event, { ...answerTo(id, false, message, code), ...(id === undefined ? {} : { answered: id }) })
}

/**
 * Takes the account of one target as far as it can be taken now, from wherever its journal says that it is. Everything that is done in the
 * cluster is written down before it, or found again after it: so it may be cut anywhere.
 * @returns when to look again, ms since the epoch by the clock of Redis
 * @throws LostTurn when somebody else goes on; TelpherError redis_*, rotation_barrier, target_*, sealed_record: it is tried again
 */
export const takeFurther = async (turn: RotationTurn, deps: RotationDeps): Promise<number> => {
  const held = holdAccount(turn, deps)
  const { turnMs } = deps.times
  const keeping = setInterval(() => {
    deps.journal.keep(turn, turnMs).catch(() => {})
  }, turnMs / 3)
  try {
    await held.tell()
    for (;;) {
      try {
        const at = await onward(held, deps)
        if (at === undefined) continue
        await held.settle()
        return at
      } catch (thrown) {
        // Without Redis or a place nothing can be said of a rotation: it goes on later.
        const isLater = thrown instanceof LostTurn || /^redis_|^rotation_place$/.test(toTelpherError(thrown).code)
        if (isLater || !isMaking(held)) throw thrown
        await fail(held, deps, thrown)
      }
    }
  } finally {
    clearInterval(keeping)
  }
}
