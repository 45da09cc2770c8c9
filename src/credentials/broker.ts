import type { SealedRecord } from '../model/credential.ts'
import type { Grants } from '../model/ports.ts'
import { credentialOf } from './account.ts'
import type { MasterKey } from './keyfile.ts'
import { unseal } from './seal.ts'

/**
 * The broker behind its final interface, in this process: it opens the target's account with the master key.
 * @param openAccount reads the sealed record of an account
 */
export const localGrants = ({
  openAccount,
  key,
  now = Date.now,
}: {
  readonly openAccount: (id: string) => Promise<SealedRecord>
  readonly key: MasterKey
  readonly now?: () => number
}): Grants => ({
  async grant(target) {
    return credentialOf(target.account, unseal(key, await openAccount(target.account.id)), now())
  },
})
