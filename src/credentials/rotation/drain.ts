import { rotatesItself } from '../../model/account.ts'
import { TelpherError, toTelpherError } from '../../model/errors.ts'
import type { PlainCredential } from '../account.ts'
import { isTaken } from '../modes/who.ts'
import { answerTo, expiryOf, refuseWish } from './answers.ts'
import { type HeldAccount, LostTurn, type Next, type RotationDeps } from './held.ts'
import { proveInPlaceOf } from './renew.ts'
import { isRefused } from './revoke.ts'

/** How often it is looked whether attempts are refused, in ms. */
const watchMs = 10_000

/** The version before is used again. @param why what was wrong with the new one; absent when a person asked for it */
const goBack = async (
  held: HeldAccount,
  old: PlainCredential,
  { wish, why }: { readonly wish?: string; readonly why?: TelpherError },
): Promise<void> => {
  const { previous = 0, version, id } = held.turn().rotation
  const dying = await held.open(version)
  const changes = { account: held.summary(previous, old), use: previous, about: dying }
  const event = { type: 'rolledBack', ...expiryOf(dying) } as const
  if (why === undefined)
    return held.step(event, {
      ...changes,
      ...(wish === undefined ? {} : { answered: wish }),
      ...answerTo(wish, true, `version ${previous} is used again`),
    })
  const { code, message: sentence } = why
  await held.step({ ...event, why: { code, sentence } }, { ...changes, ...answerTo(id, false, sentence, code) })
}

const goBackAsAsked = async (held: HeldAccount, wish: string): Promise<void> => {
  const { previous } = held.turn().rotation
  const old = previous === undefined ? undefined : await held.open(previous)
  // A Redis that lost its last second may have lost that it is dead already.
  if (old === undefined || !(await held.as(old, isTaken))) return refuseWish(held, wish, 'rotation_too_late', 'the version before is dead')
  await goBack(held, old, { wish })
}

/** Whether the version before can take its place again: proven like one that is to be used. */
const works = (held: HeldAccount, old: PlainCredential, used: PlainCredential): Promise<boolean> =>
  held
    .within(() => proveInPlaceOf(held, old, used))
    .then(
      () => true,
      (thrown: unknown) => {
        const { code } = toTelpherError(thrown)
        if (thrown instanceof LostTurn || !(code === 'rotation_unverified' || code.startsWith('target_'))) throw thrown
        return false
      },
    )

/** Goes back by itself when attempts began to be refused with the switch. @returns whether it did */
const goBackWhenRefused = async (held: HeldAccount, deps: RotationDeps): Promise<boolean> => {
  const { rotation, target } = held.turn()
  const found = await deps.refused(target, rotation.since)
  if (found === undefined) return false
  const [used, old] = [await held.open(rotation.version), await held.open(rotation.previous ?? 0)]
  if (!(await works(held, old, used))) return false
  const { refused, of } = found
  const sentence = `the API server refused ${refused} of ${of} attempts with version ${rotation.version}; version ${rotation.previous} is used again`
  await goBack(held, old, { why: new TelpherError('rotation_undone', sentence) })
  return true
}

/** What outlives Redis, or why that is not known; said once. @returns what it rests on, in words */
const lasts = async (held: HeldAccount, deps: RotationDeps): Promise<string> => {
  try {
    return await deps.journal.barrier()
  } catch (thrown) {
    const { code, message: sentence } = toTelpherError(thrown)
    const { trouble } = held.turn().rotation
    if ((code === 'rotation_barrier' || code === 'rotation_replicas') && trouble?.code !== code)
      await held.step({ type: 'waits', code, sentence })
    throw thrown
  }
}

/** `draining` → `revoked`, when nothing needs the version before and what Redis holds of the new one lasts. */
export const drain = async (held: HeldAccount, deps: RotationDeps): Promise<Next> => {
  const { rotation, target, wish } = held.turn()
  if (wish?.kind === 'rollback') {
    await goBackAsAsked(held, wish.id)
    return undefined
  }
  const isHurried = rotation.hurry === true || wish?.kind === 'revoke'
  const { drainMs, dueDrainMs, againMs } = deps.times
  const over = rotation.since + (rotation.isDue === true ? dueDrainMs : drainMs)
  // What was given in the place of a dead one: nobody uses that one any more.
  const isDead = rotation.source === 'given' && (await isRefused(held, await held.open(rotation.previous ?? 0), 0))
  if (!isHurried && !isDead) {
    if (await goBackWhenRefused(held, deps)) return undefined
    if (over > held.now()) return Math.min(over, held.now() + Math.min(watchMs, againMs))
    if (!rotatesItself(target) && (await deps.isBusy(target, rotation.since))) return held.now() + againMs
  }
  const rests = await lasts(held, deps)
  // Read again, what counts is there: the version that is used, and it is the one that the target says.
  const [used, old] = [await held.open(rotation.version), await held.open(rotation.previous ?? 0)]
  const seen = await deps.journal.read(target)
  const { fingerprint } = held.summary(rotation.version, used)
  if (seen?.rotation.version !== rotation.version || fingerprint !== target.account.fingerprint)
    throw new TelpherError('rotation_barrier', 'what Redis holds is not what was written to it')
  deps.log({ level: 'info', msg: 'the new version of an account lasts', target: target.name, rests })
  await held.step({ type: 'revoke', ...expiryOf(old), rests }, { about: old })
  return undefined
}
