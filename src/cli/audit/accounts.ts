import type { Client } from '../../client/http.ts'
import { usernameOf } from '../../model/federation.ts'
import type { OwnAccount } from '../../model/reconcile.ts'
import { auditPages } from './pages.ts'

/** The names that API servers give to the two service accounts of a target. @param deployer `NAMESPACE/deployer-NAME`; none for what is no text */
const usernamesOf = (deployer: unknown): string[] => {
  if (typeof deployer !== 'string') return []
  const [namespace = '', name = ''] = deployer.split('/')
  const names = name.startsWith('deployer-') ? [name, name.replace('deployer-', 'bootstrap-')] : [name]
  return names.map((one) => `system:serviceaccount:${namespace}:${one}`)
}

/** The accounts of targets that there are, and of those that were added since the record begins and removed since. */
export const ownAccounts = async (client: Pick<Client, 'targets' | 'audit'>): Promise<OwnAccount[]> => {
  const found = new Map<string, OwnAccount>()
  const add = (usernames: readonly string[], target: string, since: number): void => {
    for (const username of usernames) {
      const known = found.get(username)
      if (known === undefined || since < known.since) found.set(username, { username, target, since })
    }
  }
  for (const { name, account, createdAt } of await client.targets()) {
    add(usernamesOf(account.deployer), name, createdAt)
    if (account.federation !== undefined) add([usernameOf(account.federation)], name, createdAt)
  }
  for await (const page of auditPages(client, { type: 'target', verb: 'add' }))
    for (const record of page) if (record.type === 'target') add(usernamesOf(record.detail?.['account.deployer']), record.name, record.at)
  return [...found.values()]
}
