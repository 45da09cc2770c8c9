import { TelpherError } from '../../model/errors.ts'
import { type Api, ask, said, type Told } from '../modes/ask.ts'
import {
  bootstrapSecretType,
  federatedObjects,
  namesOf,
  type SetupObject,
  type SetupOptions,
  setupObjects,
  setupPath,
  targetLabel,
} from './objects.ts'

/** An object and what becomes of it. */
export interface PlannedObject {
  readonly object: SetupObject
  readonly action: 'create' | 'update'
}

const refused = (what: string, told: Told): TelpherError => {
  if (told.status === 401) return new TelpherError('target_unauthorized', 'the API server refused the credential of the context (401)')
  if (told.status === 403) return new TelpherError('target_forbidden', `the context may not ${what}${said(told)}`)
  return new TelpherError('setup_refused', `cannot ${what} (${told.status})${said(told)}`)
}

const describe = ({ kind, metadata: { name, namespace } }: SetupObject): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

/** @throws TelpherError setup_refused when a namespace to deploy to is not there; target_* */
const mustHaveNamespaces = async (admin: Api, { namespaces, clusterWide }: Omit<SetupOptions, 'home'>): Promise<void> => {
  if (clusterWide) return
  const looked = await Promise.all(
    namespaces.map(async (namespace) => {
      const told = await ask(admin, { method: 'GET', path: `/api/v1/namespaces/${namespace}` })
      if (told.status !== 200 && told.status !== 404) throw refused(`read the namespace ${namespace}`, told)
      return told.status === 404 ? [namespace] : []
    }),
  )
  const missing = looked.flat()
  if (missing.length > 0) throw new TelpherError('setup_refused', `there is no namespace ${missing.join(', ')}: create it first`)
}

const planned = (admin: Api, objects: readonly SetupObject[]): Promise<readonly PlannedObject[]> =>
  Promise.all(
    objects.map(async (object) => {
      const told = await ask(admin, { method: 'GET', path: setupPath(object) })
      if (told.status !== 200 && told.status !== 404) throw refused(`read ${describe(object)}`, told)
      return { object, action: told.status === 404 ? 'create' : 'update' }
    }),
  )

/**
 * What setting up would do. Nothing is changed.
 * @param admin as somebody who may read what is to be made
 * @throws TelpherError setup_refused when a namespace to deploy to is not there, or the API server knows no admission policies;
 *   target_unauthorized, target_forbidden, target_*
 */
export const planSetup = async (admin: Api, options: SetupOptions): Promise<readonly PlannedObject[]> => {
  await mustHaveNamespaces(admin, options)
  const policies = await ask(admin, { method: 'GET', path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies?limit=1' })
  // Without them the right to create Secrets is the right to make a token that never expires.
  if (policies.status === 404)
    throw new TelpherError('setup_refused', 'the API server knows no ValidatingAdmissionPolicy: Kubernetes 1.30 or newer is needed')
  return planned(admin, setupObjects(options))
}

/**
 * The same for a target of the mode federated.
 * @param username whom the API server takes its tokens for
 * @throws TelpherError setup_refused, target_unauthorized, target_forbidden, target_*
 */
export const planFederated = async (
  admin: Api,
  options: Omit<SetupOptions, 'home'>,
  username: string,
): Promise<readonly PlannedObject[]> => {
  await mustHaveNamespaces(admin, options)
  return planned(admin, federatedObjects(options, username))
}

/**
 * Applies what was planned, in order; twice is once (server-side apply).
 * @throws TelpherError setup_refused, target_forbidden, target_*; what was applied before stays, and applying again goes on from there
 */
export const applySetup = async (admin: Api, plan: readonly PlannedObject[]): Promise<void> => {
  for (const { object } of plan) {
    const told = await ask(admin, {
      method: 'PATCH',
      path: `${setupPath(object)}?fieldManager=telpher&force=true`,
      body: object,
      type: 'application/apply-patch+yaml',
    })
    if (told.status !== 200 && told.status !== 201) throw refused(`apply ${describe(object)}`, told)
  }
}

/** The Secret that the bootstrap identity's own token is bound to: deleting it ends the token. */
export const bootstrapSecret = ({ target, home }: Pick<SetupOptions, 'target' | 'home'>): SetupObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: namesOf(target).bootstrap,
    namespace: home,
    labels: { 'app.kubernetes.io/managed-by': 'telpher', [targetLabel]: target },
  },
  type: bootstrapSecretType,
  immutable: true,
})

const secretsPath = (home: string): string => `/api/v1/namespaces/${home}/secrets`

/** The Secrets that tokens of a bootstrap identity are bound to, by name: with them every token of it ends that we ever took. */
const ownSecrets = async (admin: Api, { home, target }: Pick<SetupOptions, 'target' | 'home'>): Promise<readonly string[]> => {
  const query = `labelSelector=${encodeURIComponent(`${targetLabel}=${target}`)}`
  const told = await ask(admin, { method: 'GET', path: `${secretsPath(home)}?${query}` })
  if (told.status !== 200) throw refused(`list Secrets in ${home}`, told)
  const { items = [] } = told.body as { items?: readonly { readonly metadata: { readonly name: string } }[] }
  return items.map(({ metadata }) => metadata.name)
}

/**
 * A token of the bootstrap identity; one of an earlier set-up of the same name is dead after it.
 * @param seconds how long it should live; the API server has the last word
 * @throws TelpherError setup_refused, target_forbidden, target_*
 */
export const takeBootstrapToken = async (admin: Api, options: Pick<SetupOptions, 'target' | 'home'>, seconds: number): Promise<string> => {
  const { home, target } = options
  const { bootstrap } = namesOf(target)
  for (const name of await ownSecrets(admin, options)) {
    const removed = await ask(admin, { method: 'DELETE', path: `${secretsPath(home)}/${name}` })
    if (removed.status !== 200 && removed.status !== 404) throw refused(`delete the Secret ${home}/${name}`, removed)
  }
  const made = await ask(admin, { method: 'POST', path: secretsPath(home), body: bootstrapSecret(options) })
  const uid = (made.body as { metadata?: { uid?: string } }).metadata?.uid
  if (made.status !== 201 || uid === undefined) throw refused(`create the Secret ${home}/${bootstrap}`, made)
  const told = await ask(admin, {
    method: 'POST',
    path: `/api/v1/namespaces/${home}/serviceaccounts/${bootstrap}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: seconds, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: bootstrap, uid } },
    },
  })
  const token = (told.body as { status?: { token?: string } }).status?.token
  if (told.status !== 201 || token === undefined) throw refused(`mint a token of ${home}/${bootstrap}`, told)
  return token
}

/** Of each kind that is removed by its name; the home namespace stays, since other targets may live there. */
const isRemoved = ({ kind }: SetupObject): boolean => kind !== 'Namespace'

const remove = async (admin: Api, objects: readonly SetupObject[]): Promise<readonly string[]> => {
  const removed: string[] = []
  for (const object of objects.filter(isRemoved)) {
    const path = object.kind === 'Secret' ? `${secretsPath(object.metadata.namespace ?? '')}/${object.metadata.name}` : setupPath(object)
    const told = await ask(admin, { method: 'DELETE', path })
    if (told.status !== 200 && told.status !== 202 && told.status !== 404) throw refused(`remove ${describe(object)}`, told)
    if (told.status !== 404) removed.push(describe(object))
  }
  return removed
}

/** Every Secret that a token of the bootstrap identity is bound to. */
const tokensOf = async (admin: Api, options: Pick<SetupOptions, 'target' | 'home'>): Promise<readonly SetupObject[]> => {
  const secret = bootstrapSecret(options)
  return (await ownSecrets(admin, options)).map((name) => ({ ...secret, metadata: { ...secret.metadata, name } }))
}

/**
 * Takes back what a plan made that came to nothing: its tokens, and the objects that were not there before it.
 * @returns what was removed, for people
 * @throws TelpherError target_forbidden, setup_refused, target_*
 */
export const takeBackSetup = async (
  admin: Api,
  plan: readonly PlannedObject[],
  options: Pick<SetupOptions, 'target' | 'home'>,
): Promise<readonly string[]> => {
  const made = plan.filter(({ action }) => action === 'create').map(({ object }) => object)
  return remove(admin, [...(await tokensOf(admin, options)), ...made.toReversed()])
}

/**
 * Undoes a set-up, the rights and the tokens first; what is gone already is fine.
 * @returns what was removed, for people
 * @throws TelpherError target_forbidden, setup_refused, target_*
 */
export const removeSetup = async (admin: Api, options: Omit<SetupOptions, 'clusterWide'>): Promise<readonly string[]> => {
  // Which of the two it was is not kept.
  const made = [...setupObjects({ ...options, clusterWide: false }), ...setupObjects({ ...options, clusterWide: true }).slice(-2)]
  return remove(admin, [...(await tokensOf(admin, options)), ...made.toReversed()])
}

/** The same of a target of the mode federated. @throws TelpherError target_forbidden, setup_refused, target_* */
export const removeFederated = (
  admin: Api,
  options: Omit<SetupOptions, 'clusterWide' | 'home'>,
  username: string,
): Promise<readonly string[]> =>
  remove(admin, [
    ...federatedObjects({ ...options, clusterWide: false }, username).toReversed(),
    ...federatedObjects({ ...options, clusterWide: true }, username).toReversed(),
  ])
