import { writeFileSync } from 'node:fs'
import { type Child, startChild, untilReady } from '../child.ts'
import { freePort } from '../ports.ts'
import { binaryPath } from '../setup/binaries.ts'
import type { State } from '../state.ts'
import { kubeconfig } from './kubeconfig.ts'
import { type Authority, createAuthority, type KeyPair, newKeyPem } from './pki.ts'
import { type ApiRequest, apiClient } from './request.ts'

/** The name of every sandbox's authority; their keys differ. */
export const authorityName = 'telpher-sandbox'

/** The API server, which fault tests stop and start. */
export interface ApiServer {
  pid(): number
  /** TERM; watches that are still open do not keep it longer than 2 s. */
  stop(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port; resolves when it is ready. */
  start(): Promise<void>
}

export interface ControlPlane {
  readonly server: string
  readonly authority: Authority
  readonly admin: KeyPair
  readonly api: ApiRequest
  readonly auditLog: string
  readonly apiserver: ApiServer
  /** Writes a kubeconfig for one user into the state folder. @returns its path */
  writeKubeconfig(user: string, groups?: readonly string[]): string
  stop(): Promise<void>
}

/** What the API server records: nothing, writes without the heartbeats of nodes, or every request. */
export type Audit = boolean | 'all'

export interface ControlPlaneOptions {
  readonly audit: Audit
  readonly port?: number
  /** Whom the API server trusts beyond its own accounts: an AuthenticationConfiguration. */
  readonly authentication?: object
}

const heartbeats = [
  { group: 'coordination.k8s.io', resources: ['leases'] },
  { group: '', resources: ['events'] },
]

const auditPolicy = (audit: Audit): string =>
  JSON.stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      ...(audit === 'all'
        ? []
        : [
            { level: 'None', verbs: ['get', 'list', 'watch'] },
            { level: 'None', resources: heartbeats },
          ]),
      { level: 'Metadata' },
    ],
  })

const writePki = (state: State, authority: Authority): void => {
  const put = (name: string, pair: KeyPair): void => {
    writeFileSync(`${state.dir}/${name}.crt`, pair.certPem, { mode: 0o600 })
    writeFileSync(`${state.dir}/${name}.key`, pair.keyPem, { mode: 0o600 })
  }
  put('ca', authority)
  put(
    'apiserver',
    authority.issue({ commonName: 'kube-apiserver', hosts: ['localhost', 'kubernetes.default.svc', '127.0.0.1', '::1', '10.96.0.1'] }),
  )
  put('etcd', authority.issue({ commonName: 'etcd', hosts: ['127.0.0.1'] }))
  put('kubelet-client', authority.issue({ commonName: 'kube-apiserver', organizations: ['system:masters'] }))
  writeFileSync(`${state.dir}/accounts.key`, newKeyPem(), { mode: 0o600 })
}

const etcdArgs = (dir: string, port: number, peerPort: number): string[] => [
  `--data-dir=${dir}/etcd`,
  `--listen-client-urls=https://127.0.0.1:${port}`,
  `--advertise-client-urls=https://127.0.0.1:${port}`,
  `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  ...[`--cert-file=${dir}/etcd.crt`, `--key-file=${dir}/etcd.key`, '--client-cert-auth', `--trusted-ca-file=${dir}/ca.crt`],
  ...['--unsafe-no-fsync', '--log-level=warn'],
]

const apiserverArgs = (dir: string, etcdPort: number, port: number, { audit, authentication }: ControlPlaneOptions): string[] => [
  `--etcd-servers=https://127.0.0.1:${etcdPort}`,
  ...[`--etcd-cafile=${dir}/ca.crt`, `--etcd-certfile=${dir}/etcd.crt`, `--etcd-keyfile=${dir}/etcd.key`],
  ...[`--secure-port=${port}`, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none'],
  ...[`--tls-cert-file=${dir}/apiserver.crt`, `--tls-private-key-file=${dir}/apiserver.key`, `--client-ca-file=${dir}/ca.crt`],
  ...['--service-account-issuer=https://kubernetes.default.svc', '--service-cluster-ip-range=10.96.0.0/16'],
  ...[`--service-account-key-file=${dir}/accounts.key`, `--service-account-signing-key-file=${dir}/accounts.key`],
  ...['--authorization-mode=Node,RBAC', '--allow-privileged=true', '--kubelet-preferred-address-types=InternalIP'],
  ...[`--kubelet-client-certificate=${dir}/kubelet-client.crt`, `--kubelet-client-key=${dir}/kubelet-client.key`],
  ...(audit !== false ? [`--audit-log-path=${dir}/audit.log`, `--audit-policy-file=${dir}/audit-policy.json`] : []),
  ...(authentication === undefined ? [] : [`--authentication-config=${dir}/authentication.json`]),
]

const controllerArgs = (dir: string, config: string): string[] => [
  ...[`--kubeconfig=${config}`, '--leader-elect=false', '--secure-port=0', '--use-service-account-credentials'],
  ...[`--root-ca-file=${dir}/ca.crt`, `--service-account-private-key-file=${dir}/accounts.key`],
  ...[`--cluster-signing-cert-file=${dir}/ca.crt`, `--cluster-signing-key-file=${dir}/ca.key`],
  ...['--kube-api-qps=200', '--kube-api-burst=400'],
]

/**
 * Starts etcd, API server, controller-manager and scheduler on free ports of 127.0.0.1 and waits until the API server is ready.
 * Flags: those that were tried with these versions.
 * @throws Error with the end of the log of the part that does not come up
 */
export const startControlPlane = async (state: State, options: ControlPlaneOptions): Promise<ControlPlane> => {
  const { dir } = state
  const authority = createAuthority(authorityName)
  writePki(state, authority)
  writeFileSync(`${dir}/audit-policy.json`, auditPolicy(options.audit))
  if (options.authentication !== undefined) writeFileSync(`${dir}/authentication.json`, JSON.stringify(options.authentication))
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), options.port ?? (await freePort())]
  const server = `https://127.0.0.1:${port}`
  const admin = authority.issue({ commonName: 'admin', organizations: ['system:masters'] })
  const api = apiClient(server, authority.certPem, admin)
  const children: Child[] = []
  const start = (name: 'etcd' | 'kube-controller-manager' | 'kube-scheduler', args: readonly string[]): void => {
    children.push(startChild(state, { name, file: binaryPath(name), args }))
  }
  let apiChild: Child | undefined
  const startApi = async (): Promise<void> => {
    const args = apiserverArgs(dir, etcdPort, port, options)
    const child = startChild(state, { name: 'kube-apiserver', file: binaryPath('kube-apiserver'), args })
    apiChild = child
    await untilReady(child, 60_000, async () => (await api('GET', '/readyz')).status === 200)
  }
  const writeKubeconfig = (user: string, groups: readonly string[] = []): string => {
    const path = `${dir}/${user.replaceAll(/[^a-z0-9-]/g, '-')}.kubeconfig`
    const pair = user === 'admin' ? admin : authority.issue({ commonName: user, organizations: groups })
    writeFileSync(path, kubeconfig(server, authority.certPem, user, pair), { mode: 0o600 })
    return path
  }
  start('etcd', etcdArgs(dir, etcdPort, peerPort))
  await startApi()
  start('kube-controller-manager', controllerArgs(dir, writeKubeconfig('system:kube-controller-manager')))
  const schedulerConfig = writeKubeconfig('system:kube-scheduler')
  start('kube-scheduler', [`--kubeconfig=${schedulerConfig}`, '--leader-elect=false', '--secure-port=0'])
  return {
    server,
    authority,
    admin,
    api,
    auditLog: `${dir}/audit.log`,
    apiserver: {
      pid: () => apiChild?.pid ?? 0,
      stop: async () => apiChild?.stop(2000),
      kill: async (signal) => {
        apiChild?.kill(signal)
        if (signal === 'SIGKILL') await apiChild?.exited
      },
      start: startApi,
    },
    writeKubeconfig,
    stop: async () => {
      await Promise.all([...children.slice(1).map((child) => child.stop(500)), apiChild?.stop(500)])
      await children[0]?.stop(500)
    },
  }
}
