import type { Client } from '../../client/http.ts'
import type { OwnAccount } from '../../model/reconcile.ts'
import { auditPages } from './pages.ts'

/** The names that API servers give to the two service accounts of a target. @param deployer `NAMESPACE/deployer-NAME` */
const usernamesOf = (deployer: string): string[] => {
  const [namespace = '', name = ''] = deployer.split('/')
  const names = name.startsWith('deployer-') ? [name, name.replace('deployer-', 'bootstrap-')] : [name]
  return names.map((one) => `system:serviceaccount:${namespace}:${one}`)
}

/** The accounts of targets that there are, and of those that were added since the record begins and removed since. */
export const ownAccounts = async (client: Pick<Client, 'targets' | 'audit'>): Promise<OwnAccount[]> => {
  const found = new Map<string, OwnAccount>()
  const add = (deployer: unknown, target: string, since: number): void => {
    if (typeof deployer !== 'string') return
    for (const username of usernamesOf(deployer)) {
      const known = found.get(username)
      if (known === undefined || since < known.since) found.set(username, { username, target, since })
    }
  }
  for (const { name, account, createdAt } of await client.targets()) add(account.deployer, name, createdAt)
  for await (const page of auditPages(client, { type: 'target', verb: 'add' }))
    for (const record of page) if (record.type === 'target') add(record.detail?.['account.deployer'], record.name, record.at)
  return [...found.values()]
}
