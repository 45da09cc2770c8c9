import { createHash } from 'node:crypto'
import { TelpherError } from '../../model/errors.ts'
import { bootstrapSecretType, ownSecretName, ownTokenSeconds, targetLabel } from '../bootstrap/objects.ts'
import { claimsOf } from '../jwt.ts'
import { type Api, ask, said, type Told } from '../modes/ask.ts'

/** A bootstrap identity, as its own token says it. */
export interface OwnIdentity {
  readonly home: string
  /** Of its service account. */
  readonly name: string
  /** The target that it is of, for labels. */
  readonly target: string
}

const rotationLabel = 'telpher.dev/rotation'
const installationLabel = 'telpher.dev/installation'

/** @returns undefined for a token that does not say of which service account it is */
export const identityOf = (token: string, target: string): OwnIdentity | undefined => {
  const [, home, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(claimsOf(token).subject ?? '') ?? []
  return home === undefined || name === undefined ? undefined : { home, name, target }
}

const refused = (what: string, told: Told): TelpherError => {
  if (told.status === 401) return new TelpherError('target_unauthorized', 'the API server refused the bootstrap identity (401)')
  return new TelpherError('rotation_mint', `the bootstrap identity cannot ${what} (${told.status})${said(told)}`)
}

const secretsOf = ({ home }: OwnIdentity): string => `/api/v1/namespaces/${home}/secrets`

interface SecretAnswer {
  readonly type?: string
  readonly metadata?: { readonly name?: string; readonly uid?: string; readonly labels?: Readonly<Record<string, string>> }
}

/** The Secrets that tokens of an identity may be bound to. @throws TelpherError rotation_mint, target_* */
export const listOwn = async (api: Api, identity: OwnIdentity): Promise<readonly { readonly name: string; readonly uid: string }[]> => {
  const query = `labelSelector=${encodeURIComponent(`${targetLabel}=${identity.target}`)}`
  const told = await ask(api, { method: 'GET', path: `${secretsOf(identity)}?${query}` })
  const { items } = told.body as { items?: readonly SecretAnswer[] }
  if (told.status !== 200 || items === undefined) throw refused(`list Secrets in ${identity.home}`, told)
  return items.flatMap(({ type, metadata: { name, uid } = {} }) =>
    type === bootstrapSecretType && name !== undefined && uid !== undefined ? [{ name, uid }] : [],
  )
}

/**
 * Deletes a Secret, and with it every token that is bound to it; one of another uid under its name is left alone.
 * @throws TelpherError rotation_mint, target_*
 */
export const removeOwn = async (api: Api, identity: OwnIdentity, { name, uid }: { name: string; uid: string }): Promise<void> => {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } }
  const told = await ask(api, { method: 'DELETE', path: `${secretsOf(identity)}/${name}`, body })
  // 404: gone. 409: it has another uid, so this one is gone.
  if (![200, 202, 404, 409].includes(told.status)) throw refused(`delete the Secret ${identity.home}/${name}`, told)
}

/**
 * The Secret of the next version, new: one that is there already may have a token bound to it that a Redis forgot.
 * @param rotation the id by which people find out what it is from; absent for the first, which is of no rotation
 * @returns its uid
 * @throws TelpherError rotation_mint, target_*
 */
export const makeOwn = async (
  api: Api,
  identity: OwnIdentity,
  { version, rotation, installation }: { readonly version: number; readonly rotation?: string; readonly installation?: string },
  tries = 3,
): Promise<string> => {
  const name = ownSecretName(identity.name, version)
  const labels = {
    'app.kubernetes.io/managed-by': 'telpher',
    [targetLabel]: identity.target,
    ...(rotation === undefined ? {} : { [rotationLabel]: rotation }),
    ...(installation === undefined ? {} : { [installationLabel]: installation }),
  }
  const body = { apiVersion: 'v1', kind: 'Secret', type: bootstrapSecretType, immutable: true, metadata: { name, labels } }
  const told = await ask(api, { method: 'POST', path: secretsOf(identity), body })
  if (told.status === 409 && tries > 1) {
    const found = (await listOwn(api, identity)).find((secret) => secret.name === name)
    if (found !== undefined) await removeOwn(api, identity, found)
    return makeOwn(
      api,
      identity,
      { version, ...(rotation === undefined ? {} : { rotation }), ...(installation === undefined ? {} : { installation }) },
      tries - 1,
    )
  }
  const uid = (told.body as SecretAnswer).metadata?.uid
  if (told.status !== 201 || uid === undefined) throw refused(`create Secrets of its own in ${identity.home}`, told)
  return uid
}

/**
 * A token of the identity itself, bound to a Secret of its own.
 * @throws TelpherError rotation_mint, target_*
 */
export const mintOwn = async (api: Api, identity: OwnIdentity, { version, uid }: { version: number; uid: string }): Promise<string> => {
  const { home, name } = identity
  const told = await ask(api, {
    method: 'POST',
    path: `/api/v1/namespaces/${home}/serviceaccounts/${name}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        expirationSeconds: ownTokenSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: ownSecretName(name, version), uid },
      },
    },
  })
  const token = (told.body as { status?: { token?: string } }).status?.token
  if (told.status !== 201 || token === undefined || token === '') throw refused(`mint a token of ${home}/${name}`, told)
  return token
}

/** What tells a token without telling it. */
export const idOf = (token: string): string => claimsOf(token).id ?? createHash('sha256').update(token).digest('hex').slice(0, 16)
