import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { TelpherError } from '../model/errors.ts'
import { canonical } from '../model/signature.ts'
import type { Target } from '../model/target.ts'
import type { Signer } from './signer.ts'

/** Binds the records of targets, which anybody who writes to Redis can change, to the servers. */
export interface Binder {
  /** The target as it is to be stored. */
  bind(target: Target): Target
  /** @throws TelpherError target_changed when somebody else than a server changed where it is, whom it trusts or what it allows */
  must(target: Target): void
}

/** All of a target but what rotation changes of its account. */
const textOf = ({ account: { id, mode }, bound: _, ...rest }: Target): string =>
  JSON.stringify(canonical(JSON.parse(JSON.stringify({ ...rest, account: { id, mode } }))))

/** With a key that follows from the one that servers sign with (RFC 5869): every server has it, whatever the master key. */
export const createBinder = (signer: Signer): Binder => {
  const key = Buffer.from(hkdfSync('sha256', signer.privateKey.export({ type: 'pkcs8', format: 'der' }), '', 'telpher target record', 32))
  const sumOf = (target: Target): Buffer => createHmac('sha256', key).update(textOf(target)).digest()
  return {
    bind: (target) => ({ ...target, bound: sumOf(target).toString('base64') }),
    must(target) {
      const [said, sum] = [Buffer.from(target.bound ?? '', 'base64'), sumOf(target)]
      if (said.length === sum.length && timingSafeEqual(said, sum)) return
      throw new TelpherError('target_changed', `the record of target ${target.name} was changed by somebody else than a server`)
    },
  }
}
