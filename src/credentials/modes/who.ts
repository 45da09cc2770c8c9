import { TelpherError } from '../../model/errors.ts'
import { type Api, ask, said } from './ask.ts'
import type { Identity } from './mode.ts'

interface Review {
  readonly status?: { readonly userInfo?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> } }
}

/**
 * Asks the API server who a connection's credential is (SelfSubjectReview; allowed to everybody who is authenticated).
 * @throws TelpherError target_unauthorized, target_error
 */
export const whoIs = async (api: Api): Promise<Identity> => {
  const told = await ask(api, {
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  })
  if (told.status === 401) throw new TelpherError('target_unauthorized', 'the API server refused the credential (401)')
  const user = (told.body as Review).status?.userInfo
  if (told.status !== 201 || user?.username === undefined)
    throw new TelpherError('target_error', `the API server does not say whom it takes this credential for (${told.status})${said(told)}`)
  const [credentialId] = user.extra?.['authentication.kubernetes.io/credential-id'] ?? []
  return { username: user.username, ...(credentialId === undefined ? {} : { credentialId }) }
}

/** Whether the API server still takes a credential. @throws TelpherError when it cannot be asked */
export const isTaken = async (api: Api): Promise<boolean> => (await ask(api, { method: 'GET', path: '/version' })).status !== 401
