import { run } from '../run.ts'
import { binaryPath } from '../setup/binaries.ts'
import { authorityName } from './controlPlane.ts'
import { type CertificateRequest, createAuthority, type KeyPair } from './pki.ts'
import { type ApiRequest, apiClient, mustAnswer } from './request.ts'

/** What another process needs to use a cluster of the sandbox; plain data. */
export interface ClusterAccess {
  readonly id: string
  /** Path of the admin's kubeconfig; its context is called `local`, its user is in system:masters. */
  readonly kubeconfig: string
  readonly server: string
  readonly caPem: string
  readonly caKeyPem: string
  readonly admin: KeyPair
  /** Path of JSON lines, one for each finished write, when started with `audit`. */
  readonly auditLog: string
}

/** What tests and set-up do with a cluster, as its admin. */
export interface ClusterCalls {
  /** A raw request. */
  readonly api: ApiRequest
  /** Runs kubectl. @returns its output @throws Error with what it printed */
  kubectl(...args: string[]): Promise<string>
  /** Runs kubectl apply on objects. */
  apply(...objects: object[]): Promise<string>
  /** A client certificate by the cluster's authority, an expired one too. */
  issueClientCert(request: CertificateRequest): KeyPair
  /** A token of a service account, made when missing. @param seconds its life, 600 at least */
  serviceAccountToken(namespace: string, name: string, seconds?: number): Promise<string>
}

const tokenOf = async (api: ApiRequest, namespace: string, name: string, seconds: number): Promise<string> => {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  if ((await api('GET', `${accounts}/${name}`)).status === 404) await mustAnswer(api, 'POST', accounts, { metadata: { name } })
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: seconds } }
  const answer = (await mustAnswer(api, 'POST', `${accounts}/${name}/token`, asked)) as { status: { token: string } }
  return answer.status.token
}

/** The calls on a cluster that runs, from any process of this machine. */
export const clusterCalls = (access: ClusterAccess): ClusterCalls => {
  const api = apiClient(access.server, access.caPem, access.admin)
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    run(binaryPath('kubectl'), [`--kubeconfig=${access.kubeconfig}`, ...args], input === undefined ? {} : { input })
  return {
    api,
    kubectl: (...args) => kubectl(args),
    apply: (...objects) => kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
    issueClientCert: createAuthority(authorityName, access.caKeyPem).issue,
    serviceAccountToken: (namespace, name, seconds = 3600) => tokenOf(api, namespace, name, seconds),
  }
}
