import { TelpherError } from '../../model/errors.ts'
import type { PlainCredential } from '../account.ts'
import type { PolicyRule } from '../bootstrap/rules.ts'
import { claimsOf } from '../jwt.ts'
import { type Api, ask, said } from '../modes/ask.ts'
import { attemptSecretType } from '../modes/attempt-secret.ts'
import { isTaken, whoIs } from '../modes/who.ts'
import { missingIn } from './covers.ts'

const unverified = (why: string): TelpherError => new TelpherError('rotation_unverified', `the new credential does not do: ${why}`)

const rulesIn = async (api: Api, namespace: string): Promise<readonly PolicyRule[]> => {
  const told = await ask(api, {
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
    body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
  })
  if (told.status !== 201)
    throw new TelpherError('target_error', `the API server does not say what it may do (${told.status})${said(told)}`)
  return (told.body as { status?: { resourceRules?: readonly PolicyRule[] } }).status?.resourceRules ?? []
}

/** A write that everything but its effect is done for. @returns whether it would be done; undefined when it is forbidden */
const dryRun = async (api: Api, credential: PlainCredential, namespace: string): Promise<boolean | undefined> => {
  const isMinting = credential.kind === 'token-request'
  const [resource, kind] = isMinting ? ['secrets', 'Secret'] : ['configmaps', 'ConfigMap']
  const told = await ask(api, {
    method: 'POST',
    path: `/api/v1/namespaces/${isMinting ? credential.namespace : namespace}/${resource}?dryRun=All`,
    body: { apiVersion: 'v1', kind, metadata: { generateName: 'telpher-probe-' }, ...(isMinting ? { type: attemptSecretType } : {}) },
  })
  if (told.status === 403) return undefined
  if (told.status === 201) return true
  throw unverified(`a dry run was answered with ${told.status}${said(told)}`)
}

const tokenOf = (credential: PlainCredential): string | undefined => ('token' in credential ? credential.token : undefined)

/** Whom the API server takes it for. A person may give the credential of somebody else; a minted one is of whom it was minted for. */
const mustBeItself = async (api: Api, credential: PlainCredential): Promise<void> => {
  const { username, credentialId } = await whoIs(api).catch((thrown: unknown) => {
    if (thrown instanceof TelpherError && thrown.code === 'target_unauthorized') throw unverified('the API server refuses it (401)')
    throw thrown
  })
  const { id, subject } = claimsOf(tokenOf(credential) ?? '')
  if (subject?.startsWith('system:serviceaccount:') === true && username !== subject)
    throw unverified(`it is of ${subject}, and the API server takes it for ${username}`)
  // From Kubernetes 1.32 (KEP-4193).
  if (credentialId?.startsWith('JTI=') === true && id !== undefined && credentialId !== `JTI=${id}`)
    throw unverified('the API server sees another token than it')
}

export interface Verification {
  /** A connection with the new credential alone. */
  readonly after: Api
  readonly credential: PlainCredential
  /** A connection with the credential that is used; what it may do the new one must too. */
  readonly before: Api
  readonly beforeCredential: PlainCredential
  /** Where it must be able to do what the old one can. */
  readonly namespaces: readonly string[]
  /** The target's own namespace. */
  readonly namespace: string
}

/**
 * Proves a credential with itself alone, at one address of its target: who it is, that it may do all that the one before may, and a write as a dry run.
 * The one before is asked only what it may do; where it is refused, nothing is compared.
 * @throws TelpherError rotation_unverified, target_*
 */
export const verifyCredential = async (options: Verification): Promise<void> => {
  const { after, credential, before, beforeCredential, namespaces, namespace } = options
  await mustBeItself(after, credential)
  const isAlive = await isTaken(before)
  const writes = await dryRun(after, credential, namespace)
  if (
    writes === undefined &&
    (!isAlive || credential.kind === 'token-request' || (await dryRun(before, beforeCredential, namespace)) === true)
  )
    throw unverified('it may not write')
  if (!isAlive) return
  for (const one of namespaces) {
    const [now, then] = await Promise.all([rulesIn(after, one), rulesIn(before, one)])
    const missing = missingIn(now, then)
    if (missing !== undefined) throw unverified(`it may not ${missing} in ${one}, which the one in use may`)
  }
}
