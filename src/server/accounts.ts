import type { AccountState } from '../model/account.ts'
import { accountState } from '../model/account.ts'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { RotationWish } from '../model/rotationjournal.ts'
import type { Target } from '../model/target.ts'
import type { Store } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param } from './on.ts'
import { type NewRotation, newRotationSchema } from './schemas.ts'

/** What is known of the accounts of some targets. */
export const accountStates = async (
  targets: readonly Target[],
  { rotations, uses }: Pick<Store, 'rotations' | 'uses'>,
  now: number,
): Promise<readonly AccountState[]> => {
  const usesOf = await uses.all()
  return Promise.all(targets.map(async (target) => accountState(target, (await rotations.read(target))?.rotation, now, usesOf(target))))
}

const wishOf = ({ kind, credential }: NewRotation, { account }: Target, { seal, summarize, now = Date.now }: ApiDeps): RotationWish => {
  const id = newId('rot')
  if (kind !== 'replace' || credential === undefined) return { id, kind: kind === 'replace' ? 'rotate' : kind }
  if (credential.kind === 'federated')
    throw new TelpherError('rotation_refused', 'a federated account has no credential that could be given', { field: 'credential' })
  const { mode, expiresAt } = summarize(account.id, credential)
  if (mode !== account.mode)
    throw new TelpherError('rotation_refused', `a ${account.mode} cannot be replaced by a ${mode}`, { field: 'credential' })
  if (expiresAt !== undefined && expiresAt <= now())
    throw new TelpherError('rotation_refused', `the credential expired at ${new Date(expiresAt).toISOString()}`, { field: 'credential' })
  return { id, kind, sealed: seal(account.id, JSON.stringify(credential)) }
}

export const addAccountRoutes = (api: Api, deps: ApiDeps): void => {
  const { store } = deps
  on(api, 'listAccounts', async (context) => {
    const [targets, now] = await Promise.all([store.targets.list(), store.workers.now()])
    return context.json({ accounts: await accountStates(targets, store, now) })
  })
  on(api, 'getAccount', async (context) => {
    const [target, now] = await Promise.all([store.targets.get(param(context, 'name')), store.workers.now()])
    const [read, used] = await Promise.all([store.rotations.read(target), store.uses.of(target)])
    return context.json(accountState(target, read?.rotation, now, used))
  })
  on(api, 'rotateAccount', async (context) => {
    const { body } = await bodyOf(context, newRotationSchema)
    const target = await store.targets.get(param(context, 'name'))
    const wish = wishOf(body, target, deps)
    await store.rotations.ask(target.name, wish)
    return context.json({ id: wish.id, kind: wish.kind }, 202, { location: `/v1/accounts/${target.name}` })
  })
}
