import { accountState } from '../model/account.ts'
import { TelpherError } from '../model/errors.ts'
import { newId } from '../model/ids.ts'
import type { AccountState, RotationWish } from '../model/rotation.ts'
import type { Target } from '../model/target.ts'
import type { Store } from '../store/index.ts'
import type { Api, ApiDeps } from './context.ts'
import { bodyOf, on, param } from './on.ts'
import { type NewRotation, newRotationSchema } from './schemas.ts'

const stateOf = async (target: Target, { rotations }: Pick<Store, 'rotations'>, now: number): Promise<AccountState> =>
  accountState(target, (await rotations.read(target))?.rotation, now)

/** What is known of the account of every target, by the target's name. */
const accountStates = async (store: Pick<Store, 'rotations' | 'targets' | 'workers'>): Promise<readonly AccountState[]> => {
  const [targets, now] = await Promise.all([store.targets.list(), store.workers.now()])
  return Promise.all(targets.map((target) => stateOf(target, store, now)))
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
  on(api, 'listAccounts', async (context) => context.json({ accounts: await accountStates(store) }))
  on(api, 'getAccount', async (context) => {
    const [target, now] = await Promise.all([store.targets.get(param(context, 'name')), store.workers.now()])
    return context.json(await stateOf(target, store, now))
  })
  on(api, 'rotateAccount', async (context) => {
    const { body } = await bodyOf(context, newRotationSchema)
    const target = await store.targets.get(param(context, 'name'))
    const wish = wishOf(body, target, deps)
    await store.rotations.ask(target.name, wish)
    return context.json({ id: wish.id, kind: wish.kind }, 202, { location: `/v1/accounts/${target.name}` })
  })
}
