import type { Binder } from '../credentials/bound.ts'
import type { Minting } from '../model/ports.ts'
import type { RotationJournal, RotationTurn } from '../model/rotationjournal.ts'
import type { Store } from '../store/index.ts'

/** Minting for targets alone whose records are as a server wrote them. */
export const boundMinting = (minting: Minting, { must }: Binder): Minting => ({
  async grant(target, ...rest) {
    must(target)
    return minting.grant(target, ...rest)
  },
  async renew(target, ...rest) {
    must(target)
    return minting.renew(target, ...rest)
  },
  async end(target, ...rest) {
    must(target)
    return minting.end(target, ...rest)
  },
  async fence(target, ...rest) {
    must(target)
    return minting.fence(target, ...rest)
  },
  async sweep(target, ...rest) {
    must(target)
    return minting.sweep(target, ...rest)
  },
})

/** The same for rotation: a turn is held by target, and its target is read anew with each step. */
export const boundJournal = (journal: RotationJournal, { must }: Binder): RotationJournal => {
  const looked = (turn: RotationTurn | undefined): RotationTurn | undefined => {
    if (turn !== undefined) must(turn.target)
    return turn
  }
  return {
    ...journal,
    claim: async (...asked) => looked(await journal.claim(...asked)),
    step: async (...asked) => looked(await journal.step(...asked)),
  }
}

/** Binds the record of every target anew: those of a backup were bound to the servers that made it. */
export const bindTargets = async ({ targets }: Pick<Store, 'targets'>, { bind }: Binder): Promise<void> => {
  for (const { name } of await targets.list()) await targets.change(name, bind)
}
