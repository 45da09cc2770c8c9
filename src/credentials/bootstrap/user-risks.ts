import { TelpherError } from '../../model/errors.ts'
import { type Api, ask, said } from '../modes/ask.ts'
import { type FoundRisk, type Risk, reading } from './risks.ts'

/** What nobody of ours should be able to do, as one asks an API server. */
export interface Question {
  readonly risk: Risk
  readonly what: string
  readonly attributes: { readonly verb: string; readonly group: string; readonly resource: string; readonly namespace?: string }
}

const rbac = 'rbac.authorization.k8s.io'

export const questionsIn = (namespace: string): readonly Question[] => [
  { risk: 'wildcards', what: `* on everything in ${namespace}`, attributes: { verb: '*', group: '*', resource: '*', namespace } },
  {
    risk: 'escalation',
    what: `escalate on roles in ${namespace}`,
    attributes: { verb: 'escalate', group: rbac, resource: 'roles', namespace },
  },
  { risk: 'escalation', what: `bind on roles in ${namespace}`, attributes: { verb: 'bind', group: rbac, resource: 'roles', namespace } },
  {
    risk: 'escalation',
    what: `impersonate on serviceaccounts in ${namespace}`,
    attributes: { verb: 'impersonate', group: '', resource: 'serviceaccounts', namespace },
  },
]

export const everywhere: readonly Question[] = [
  { risk: 'escalation', what: 'impersonate on users', attributes: { verb: 'impersonate', group: '', resource: 'users' } },
  { risk: 'escalation', what: 'bind on clusterroles', attributes: { verb: 'bind', group: rbac, resource: 'clusterroles' } },
  ...reading.map(
    (verb): Question => ({
      risk: 'cluster-secrets',
      what: 'reading the Secrets of every namespace',
      attributes: { verb, group: '', resource: 'secrets' },
    }),
  ),
]

/**
 * What a user may do that it should not, asked by somebody else: there is no token of it before the API server trusts one.
 * @param admin as somebody who may create SubjectAccessReviews
 * @throws TelpherError target_forbidden, target_*
 */
export const risksOfUser = async (admin: Api, username: string, namespaces: readonly string[]): Promise<readonly FoundRisk[]> => {
  const answers = await Promise.all(
    [...namespaces.flatMap(questionsIn), ...everywhere].map(async ({ risk, what, attributes }) => {
      const told = await ask(admin, {
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: { user: username, groups: ['system:authenticated'], resourceAttributes: attributes },
        },
      })
      if (told.status !== 201)
        throw new TelpherError('target_forbidden', `the context may not ask what a user may do (${told.status})${said(told)}`)
      return (told.body as { status?: { allowed?: boolean } }).status?.allowed === true ? [{ risk, what }] : []
    }),
  )
  return [...new Map(answers.flat().map((one) => [`${one.risk} ${one.what}`, one])).values()]
}
