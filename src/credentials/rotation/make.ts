import { TelpherError } from '../../model/errors.ts'
import type { RotationEvent, RotationState } from '../../model/rotation.ts'
import type { HeldAccount, RotationDeps } from './held.ts'
import { mintNext, removeNext, takeGiven, verifyNext } from './renew.ts'

/** `verified` → `draining`, in one step with what the target shows. */
const change = async (held: HeldAccount): Promise<void> => {
  const { next } = held.turn().rotation
  if (next === undefined) throw new TelpherError('internal', 'a verified rotation has no next version')
  const plain = await held.open(next)
  await held.step({ type: 'switched' }, { account: held.summary(next, plain), use: next, about: plain })
}

/** The states of a rotation whose next version is not used yet: it has a place in its cluster while it is in one of them. */
const making: readonly RotationState[] = ['intent', 'minted', 'sealed', 'verified']
export const isMaking = (held: HeldAccount): boolean => making.includes(held.turn().rotation.state)

/** From wherever the next version is to where it is used. */
export const make = async (held: HeldAccount, deps: RotationDeps): Promise<void> => {
  while (isMaking(held)) {
    const { state, source } = held.turn().rotation
    if (state === 'intent') await (source === 'given' ? takeGiven(held) : mintNext(held, deps))
    else if (state === 'sealed') await verifyNext(held)
    else if (state === 'verified') await change(held)
    else {
      // Who asked for its token is gone, and nobody has it.
      await removeNext(held)
      await held.step({ type: 'lost' })
    }
  }
}

/** Begins a rotation and makes its next version, in a place of the cluster. */
export const beginAndMake = (
  held: HeldAccount,
  deps: RotationDeps,
  begun: Omit<Extract<RotationEvent, { type: 'begin' }>, 'type'>,
  more: { readonly answered?: string } = {},
): Promise<void> =>
  held.within(async () => {
    await held.step({ type: 'begin', ...begun }, more)
    await make(held, deps)
  })
