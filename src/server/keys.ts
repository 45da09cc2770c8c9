import type { MasterKeyUse, SealedRecord } from '../model/credential.ts'
import type { Api, ApiDeps } from './context.ts'
import { on } from './on.ts'

const usesOf = async ({ store, kids }: ApiDeps): Promise<MasterKeyUse[]> => {
  const [counts, secrets, signers] = await Promise.all([
    store.accounts.countByKey(),
    store.secrets.countByKey(),
    store.signers.countByKey(),
  ])
  return [...new Set([...kids, ...counts.keys(), ...secrets.keys(), ...signers.keys()])].map((kid) => ({
    kid,
    use: kid === kids[0] ? 'seals' : kids.includes(kid) ? 'opens' : 'missing',
    accounts: counts.get(kid) ?? 0,
    secrets: (secrets.get(kid) ?? 0) + (signers.get(kid) ?? 0),
  }))
}

export const addKeyRoutes = (api: Api, deps: ApiDeps): void => {
  on(api, 'listKeys', async (context) => context.json({ keys: await usesOf(deps) }))
  on(api, 'rotateKeys', async (context) => {
    const damaged = new Set<string>()
    const change = (record: SealedRecord): SealedRecord | undefined => {
      // What no key opens stays, and is told as missing.
      if (!deps.kids.includes(record.kid)) return undefined
      try {
        return deps.reseal(record)
      } catch (thrown) {
        // One that was changed by somebody is no reason to leave the others under an old key.
        deps.log.warn({ type: record.type, id: record.id, error: thrown }, 'a record cannot be sealed anew')
        damaged.add(record.id)
        return undefined
      }
    }
    const resealed =
      (await deps.store.accounts.change(change)) + (await deps.store.secrets.change(change)) + (await deps.store.signers.change(change))
    // One that was cut, or ran on two servers at once, is done by running it again: what is done is passed over.
    return context.json({ resealed, damaged: [...damaged], keys: await usesOf(deps) })
  })
}
