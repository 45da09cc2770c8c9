import { nextRotation, rotatesItself } from '../../model/account.ts'
import { type ErrorCode, TelpherError, toTelpherError } from '../../model/errors.ts'
import { newId } from '../../model/ids.ts'
import type { RotationAnswer, RotationTurn } from '../../model/rotation.ts'
import { type PlainCredential, summarize } from '../account.ts'
import { isTaken } from '../modes/who.ts'
import { type HeldAccount, holdAccount, LostTurn, type RotationDeps } from './held.ts'
import { mintNext, removeNext, takeGiven, verifyNext } from './renew.ts'
import { isRefused, revokeAndConfirm, sweepOwn } from './revoke.ts'

/** An account at rest is looked at so often all the same, in ms: for leftovers in its cluster. */
const restMs = 3_600_000

/** When to look again, ms since the epoch by the clock of Redis; undefined to go on at once. */
type Next = number | undefined

const expiryOf = (plain: PlainCredential): { readonly expiresAt?: number } => {
  const { expiresAt } = summarize('', plain)
  return expiresAt === undefined ? {} : { expiresAt }
}

const answerTo = (id: string | undefined, ok: boolean, sentence: string, code?: ErrorCode): { answer?: RotationAnswer } =>
  id === undefined ? {} : { answer: { id, ok, sentence, ...(code === undefined ? {} : { code }) } }

const refuseWish = async (held: HeldAccount, id: string, code: ErrorCode, sentence: string): Promise<void> => {
  await held.write({ rotation: { ...held.turn().rotation, ...answerTo(id, false, sentence, code) }, answered: id })
}

/** Begins what was asked for, or what is due. @returns whether a rotation has begun */
const begin = async (held: HeldAccount): Promise<boolean> => {
  const { wish, rotation, target } = held.turn()
  if (wish === undefined) {
    const at = nextRotation(target, rotation)
    if (at === undefined || at > held.now()) return false
    await held.step({ type: 'begin', id: newId('rot'), source: 'minted', hurry: false })
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
    const event = { type: 'begin', id, source: isGiven ? 'given' : 'minted', hurry: kind === 'revoke' } as const
    // What was given is in the wish until it is stored.
    await held.step(event, isGiven ? {} : { answered: id })
    return true
  }
  return false
}

const rest = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  if (held.turn().rotation.unconfirmed.length > 0) await revokeAndConfirm(held, deps)
  if (await begin(held)) return undefined
  const { target, rotation } = held.turn()
  if (rotatesItself(target)) await sweepOwn(held, deps)
  const soon = held.now() + (rotation.unconfirmed.length > 0 ? deps.times.againMs : restMs)
  return Math.min(nextRotation(target, rotation) ?? soon, soon)
}

/** `verified` → `draining`, in one step with what the target shows. */
const change = async (held: HeldAccount): Promise<void> => {
  const { next } = held.turn().rotation
  if (next === undefined) throw new TelpherError('internal', 'a verified rotation has no next version')
  await held.step({ type: 'switched' }, { account: held.summary(next, await held.open(next)), use: next })
}

const rollBack = async (held: HeldAccount, wish: string): Promise<void> => {
  const { previous, version } = held.turn().rotation
  const old = previous === undefined ? undefined : await held.open(previous)
  // A Redis that lost its last second may have lost that it is dead already.
  if (old === undefined || previous === undefined || !(await held.as(old, isTaken)))
    return refuseWish(held, wish, 'rotation_too_late', 'the version before is dead')
  const account = held.summary(previous, old)
  const dying = expiryOf(await held.open(version))
  const answer = answerTo(wish, true, `version ${previous} is used again`)
  await held.step({ type: 'rolledBack', ...dying }, { account, use: previous, answered: wish, ...answer })
}

/** `draining` → `revoked`, when nothing needs the version before and what Redis holds of the new one lasts. */
const drain = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  const { rotation, target, wish } = held.turn()
  if (wish?.kind === 'rollback') {
    await rollBack(held, wish.id)
    return undefined
  }
  const isHurried = rotation.hurry === true || wish?.kind === 'revoke'
  const over = rotation.since + deps.times.drainMs
  // What was given in the place of a dead one: nobody uses that one any more.
  const isDead = rotation.source === 'given' && (await isRefused(held, await held.open(rotation.previous ?? 0), 0))
  if (!isHurried && !isDead && over > held.now()) return over
  if (!isHurried && !isDead && !rotatesItself(target) && (await deps.isBusy(target, rotation.since))) return held.now() + deps.times.againMs
  const rests = await deps.journal.barrier()
  // Read again, what counts is there: the version that is used, and it is the one that the target says.
  const [used, old] = [await held.open(rotation.version), await held.open(rotation.previous ?? 0)]
  const seen = await deps.journal.read(target)
  const { fingerprint } = held.summary(rotation.version, used)
  if (seen?.rotation.version !== rotation.version || fingerprint !== target.account.fingerprint)
    throw new TelpherError('rotation_barrier', 'what Redis holds is not what was written to it')
  deps.log({ level: 'info', msg: 'the new version of an account lasts', target: target.name, rests })
  await held.step({ type: 'revoke', ...expiryOf(old) })
  return undefined
}

/** `revoked` → `confirmed`, when the version before was seen to be refused; else it stays, and says so. */
const confirm = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  const trouble = await revokeAndConfirm(held, deps).then(
    () => undefined,
    (thrown: unknown) => {
      if (thrown instanceof LostTurn || toTelpherError(thrown).code.startsWith('redis_')) throw thrown
      return toTelpherError(thrown)
    },
  )
  const { state, version, previous, id, answer } = held.turn().rotation
  if (state === 'confirmed') return undefined
  if (id !== undefined && answer?.id !== id) {
    const sentence = `version ${version} is used; version ${previous} was not seen to be refused yet${trouble === undefined ? '' : `: ${trouble.message}`}`
    await held.write({ rotation: { ...held.turn().rotation, ...answerTo(id, false, sentence, 'rotation_unconfirmed') } })
  }
  return (await begin(held)) ? undefined : held.now() + deps.times.againMs
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
      await (held.turn().rotation.source === 'given' ? takeGiven(held) : mintNext(held, deps))
      return undefined
    case 'minted':
      // Who asked for its token is gone, and nobody has it.
      await removeNext(held, deps)
      await held.step({ type: 'lost' })
      return undefined
    case 'sealed':
      await verifyNext(held, deps)
      return undefined
    case 'verified':
      await change(held)
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
  if (made === undefined) await removeNext(held, deps).catch(() => {})
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
    for (;;) {
      try {
        const at = await onward(held, deps)
        if (at !== undefined) return at
      } catch (thrown) {
        const isBefore = ['intent', 'minted', 'sealed', 'verified'].includes(held.turn().rotation.state)
        // Without Redis nothing can be said of a rotation: it goes on when it answers.
        if (thrown instanceof LostTurn || !isBefore || toTelpherError(thrown).code.startsWith('redis_')) throw thrown
        await fail(held, deps, thrown)
      }
    }
  } finally {
    clearInterval(keeping)
  }
}
