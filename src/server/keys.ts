import { inWords, type MasterKeyUse, type SealedCounts, type SealedRecord, sealedKinds } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, param } from './on.ts'

const none = Object.fromEntries(sealedKinds.map((kind) => [kind, 0])) as SealedCounts

const usesOf = async ({ store, kids }: ApiDeps): Promise<MasterKeyUse[]> => {
  const [counts, dropped] = await Promise.all([store.sealed.count(), store.sealed.dropped()])
  const useOf = (kid: string): MasterKeyUse['use'] => {
    if (kid === kids[0]) return 'seals'
    if (dropped.has(kid)) return 'dropped'
    return kids.includes(kid) ? 'opens' : 'missing'
  }
  // A dropped one that nobody has any more is of no interest.
  return [...new Set([...kids, ...counts.keys()])].map((kid) => ({ kid, use: useOf(kid), ...(counts.get(kid) ?? none) }))
}

/** @throws TelpherError key_in_use that says how many records of which kind are sealed with it */
const mustBeUnused = async (kid: string, { store }: ApiDeps): Promise<void> => {
  const left = (await store.sealed.count()).get(kid)
  if (left !== undefined) throw new TelpherError('key_in_use', `still sealed with ${kid}: ${inWords(left)}`, { field: 'kid' })
}

/**
 * Drops a key that nothing is sealed with.
 * @returns when it was dropped, ms since the epoch
 * @throws TelpherError key_seals, key_in_use, unknown_key
 */
const drop = async (kid: string, deps: ApiDeps): Promise<number> => {
  const { store, kids, now = Date.now } = deps
  if (kid === kids[0]) throw new TelpherError('key_seals', `${kid} is the key that this server seals with`, { field: 'kid' })
  await mustBeUnused(kid, deps)
  const known = (await store.sealed.dropped()).get(kid)
  if (known !== undefined) return known
  if (!kids.includes(kid)) throw new TelpherError('unknown_key', `there is no master key ${kid.slice(0, 64)}`, { field: 'kid' })
  const at = now()
  await store.sealed.drop(kid, at)
  // A server that still seals with it may have done so in between.
  await mustBeUnused(kid, deps).catch(async (thrown: unknown) => {
    await store.sealed.undrop(kid)
    throw thrown
  })
  return at
}

export const addKeyRoutes = (api: Api, deps: ApiDeps): void => {
  on(api, 'listKeys', async (context) => context.json({ keys: await usesOf(deps) }))
  on(api, 'dropKey', async (context) => {
    const kid = param(context, 'name')
    const droppedAt = await drop(kid, deps)
    return context.json({ kid, droppedAt, keys: await usesOf(deps) })
  })
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
    const resealed = await deps.store.sealed.change(change)
    // One that was cut, or ran on two servers at once, is done by running it again: what is done is passed over.
    return context.json({ resealed, damaged: [...damaged], keys: await usesOf(deps) })
  })
}
