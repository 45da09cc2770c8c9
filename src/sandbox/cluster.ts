import { readdirSync, rmSync } from 'node:fs'
import type { Child } from './child.ts'
import { type ApiServer, startControlPlane } from './kubernetes/controlPlane.ts'
import { startFakeNodes } from './kubernetes/fakeNodes.ts'
import type { CertificateRequest, KeyPair } from './kubernetes/pki.ts'
import { startRealNode } from './kubernetes/realNode.ts'
import { type ApiRequest, mustAnswer } from './kubernetes/request.ts'
import { run } from './run.ts'
import { binaryPath } from './setup/binaries.ts'
import { claimState, type State } from './state.ts'

/** A real Kubernetes of our own. */
export interface Cluster {
  readonly id: string
  /** Path of the admin's kubeconfig; its context is called `local`, its user is in system:masters. */
  readonly kubeconfig: string
  readonly server: string
  readonly caPem: string
  readonly admin: KeyPair
  /** JSON lines, one for each finished write, when started with `audit`. */
  readonly auditLog: string
  readonly apiserver: ApiServer
  /** A raw request as admin. */
  readonly api: ApiRequest
  /** Runs kubectl as admin. @returns its output @throws Error with what it printed */
  kubectl(...args: string[]): Promise<string>
  /** Runs kubectl apply on objects. */
  apply(...objects: object[]): Promise<string>
  /** A client certificate by the cluster's authority, an expired one too. */
  issueClientCert(request: CertificateRequest): KeyPair
  /** A token of a service account, made when missing. @param seconds its life, 600 at least */
  serviceAccountToken(namespace: string, name: string, seconds?: number): Promise<string>
  stop(): Promise<void>
}

export interface ClusterOptions {
  /** State folder. A cluster always begins empty: what an earlier one left there is removed, its logs too. */
  readonly dir: string
  /** `real`: one node with kubelet and containerd (root); `kwok`: three pretended nodes; `none`: pods stay pending. */
  readonly node: 'real' | 'kwok' | 'none'
  /** Records writes. */
  readonly audit?: boolean
  readonly apiPort?: number
  readonly temporary?: boolean
}

const empty = (state: State): void => {
  for (const name of readdirSync(state.dir)) if (name !== 'run') rmSync(`${state.dir}/${name}`, { recursive: true, force: true })
}

const until = async (what: string, ask: () => Promise<boolean>): Promise<void> => {
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    if (await ask()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${what} did not appear within 60 s`)
}

const token = async (api: ApiRequest, namespace: string, name: string, seconds: number): Promise<string> => {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  if ((await api('GET', `${accounts}/${name}`)).status === 404) await mustAnswer(api, 'POST', accounts, { metadata: { name } })
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: seconds } }
  const answer = (await mustAnswer(api, 'POST', `${accounts}/${name}/token`, asked)) as { status: { token: string } }
  return answer.status.token
}

/**
 * Starts a Kubernetes cluster from the binaries in the cache; several can run at once. Some 5 s, with a real node 15 s.
 * @returns when the nodes are ready and the default service account exists
 * @throws Error with the end of the log of the part that does not come up
 */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const state = await claimState(options.dir, { temporary: options.temporary ?? false })
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    for (let last = stops.pop(); last !== undefined; last = stops.pop()) await last()
    state.release()
  }
  try {
    empty(state)
    const control = await startControlPlane(state, {
      audit: options.audit ?? false,
      ...(options.apiPort === undefined ? {} : { port: options.apiPort }),
    })
    stops.push(control.stop)
    const kubeconfig = control.writeKubeconfig('admin')
    const node: Child | { stop(): Promise<void> } | undefined =
      options.node === 'kwok'
        ? await startFakeNodes(state, control)
        : options.node === 'real'
          ? await startRealNode(state, control)
          : undefined
    if (node !== undefined) stops.push(() => node.stop())
    await until(
      'the default service account',
      async () => (await control.api('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status === 200,
    )
    const kubectl = (args: readonly string[], input?: string): Promise<string> =>
      run(binaryPath('kubectl'), [`--kubeconfig=${kubeconfig}`, ...args], input === undefined ? {} : { input })
    return {
      id: state.id,
      kubeconfig,
      server: control.server,
      caPem: control.authority.certPem,
      admin: control.admin,
      auditLog: control.auditLog,
      apiserver: control.apiserver,
      api: control.api,
      kubectl: (...args) => kubectl(args),
      apply: (...objects) => kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
      issueClientCert: control.authority.issue,
      serviceAccountToken: (namespace, name, seconds = 3600) => token(control.api, namespace, name, seconds),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
