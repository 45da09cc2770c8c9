import { readdirSync, rmSync } from 'node:fs'
import type { Child } from './child.ts'
import { type ClusterAccess, type ClusterCalls, clusterCalls } from './kubernetes/calls.ts'
import { type ApiServer, type Audit, startControlPlane } from './kubernetes/controlPlane.ts'
import { startFakeNodes } from './kubernetes/fakeNodes.ts'
import { startRealNode } from './kubernetes/realNode.ts'
import { claimState, type State } from './state.ts'

/** A real Kubernetes of our own. */
export interface Cluster extends ClusterAccess, ClusterCalls {
  readonly apiserver: ApiServer
  stop(): Promise<void>
}

export interface ClusterOptions {
  /** State folder. A cluster always begins empty: what an earlier one left there is removed, its logs too. */
  readonly dir: string
  /** `real`: one node with kubelet and containerd (root); `kwok`: three pretended nodes; `none`: pods stay pending. */
  readonly node: 'real' | 'kwok' | 'none'
  /** What the API server records; nothing by default. */
  readonly audit?: Audit
  readonly apiPort?: number
  /** Whom the API server trusts beyond its own accounts: an AuthenticationConfiguration. */
  readonly authentication?: object
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
      ...(options.authentication === undefined ? {} : { authentication: options.authentication }),
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
    const access: ClusterAccess = {
      id: state.id,
      kubeconfig,
      server: control.server,
      caPem: control.authority.certPem,
      caKeyPem: control.authority.keyPem,
      admin: control.admin,
      auditLog: control.auditLog,
    }
    return { ...access, ...clusterCalls(access), apiserver: control.apiserver, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
