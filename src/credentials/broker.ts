import type { SealedRecord } from '../model/credential.ts'
import type { Grants } from '../model/ports.ts'
import { credentialOf } from './account.ts'
import type { MasterKey } from './keyfile.ts'
import { unseal } from './seal.ts'

/**
 * The broker behind its final interface, in this process: it opens the target's account with the master key.
 * @param openAccount reads the sealed record of an account
 * @throws by its grants: TelpherError sealed_record, credential_expired, and what `openAccount` throws
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
    const { account } = target
    return credentialOf(account, unseal(key, await openAccount(account.id), account.id), now())
  },
})
