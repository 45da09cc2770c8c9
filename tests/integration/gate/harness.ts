import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { connect } from '../../../src/cluster/connection.ts'
import { type Claim, createClaim, createDiscoveryCache, createGate, type Gate, type GateOptions } from '../../../src/gate/index.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { LedgerEntry } from '../../../src/model/ledger.ts'
import type { ClusterConnection } from '../../../src/model/ports.ts'
import { Secret } from '../../../src/model/secret.ts'
import { type Policy, type PolicyInput, policySchema } from '../../../src/model/target.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'
import { binaryPath } from '../../../src/sandbox/setup/binaries.ts'

type Trust = Parameters<typeof connect>[0]

/** The cluster's administrator, as a credential. */
export const adminOf = ({ admin }: Pick<Cluster, 'admin'>): Credential => ({
  id: 'admin',
  kind: 'client-certificate',
  certificate: admin.certPem,
  key: new Secret(admin.keyPem),
})

export const trustOf = ({ server, caPem }: Pick<Cluster, 'server' | 'caPem'>): Trust => ({ server, ca: caPem })

const policyOf = (input: PolicyInput = {}): Policy => policySchema.parse(input)

/** What a program that ran against the gate left. */
interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A program that is still running. */
interface Running extends PromiseLike<{ exitCode?: number | undefined; stdout: unknown; stderr: unknown }> {
  readonly stdout: Readable | null
  kill(): boolean
}

export interface OpenGate {
  readonly gate: Gate
  readonly claim: Claim
  readonly port: number
  /** Where the gate answers: with the nonce. */
  readonly url: string
  readonly kubeconfig: string
  /** What reached the store, in order. */
  readonly stored: LedgerEntry[]
  readonly connection: ClusterConnection
  kubectl(...args: readonly string[]): Promise<Ran>
  helm(...args: readonly string[]): Promise<Ran>
  /** A kubectl that is still running. */
  start(...args: readonly string[]): Running
  stop(): Promise<void>
}

export type OpenOptions = Partial<Omit<GateOptions, 'policy' | 'claim'>> & {
  readonly policy?: PolicyInput
  /** How long a renewal proves, in ms; the default never ends, and it is proven from the start. */
  readonly claimMs?: number
}

/** A gate behind a listener on the loopback, as the process executor would have it, with a kubeconfig for it. */
export const openGate = async (trust: Trust, credential: Credential, options: OpenOptions = {}): Promise<OpenGate> => {
  const { policy, claimMs = Number.POSITIVE_INFINITY, ...given } = options
  const stored: LedgerEntry[] = []
  const connection = connect(trust, credential)
  const claim = createClaim({ claimMs })
  if (claimMs === Number.POSITIVE_INFINITY) claim.renewed(performance.now())
  const nonce = 'n0nce'
  const gate = createGate({
    nonce,
    policy: policyOf(policy),
    claim,
    connection: () => connection,
    ledger: { append: async (entries) => void stored.push(...entries) },
    attempt: 1,
    mark: 'telpher/test/1',
    discovery: createDiscoveryCache(),
    signal: new AbortController().signal,
    ...given,
  })
  const listener = createServer((socket) => gate.accept(socket))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/${nonce}`
  const home = await mkdtemp(join(tmpdir(), 'telpher-gate-'))
  const kubeconfig = join(home, 'kubeconfig')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'gate', cluster: { server: url } }],
      contexts: [{ name: 'gate', context: { cluster: 'gate', user: '' } }],
      'current-context': 'gate',
    }),
  )
  const env: Record<string, string> = { HOME: home, PATH: process.env['PATH'] ?? '', KUBECONFIG: kubeconfig }
  const spawn = (name: 'kubectl' | 'helm', args: readonly string[]): Running =>
    execa(binaryPath(name), args, { env, extendEnv: false, reject: false, stdin: 'ignore' })
  const run = async (name: 'kubectl' | 'helm', args: readonly string[]): Promise<Ran> => {
    const { exitCode, stdout, stderr } = await spawn(name, args)
    return { code: exitCode ?? -1, stdout: String(stdout), stderr: String(stderr) }
  }
  return {
    gate,
    claim,
    port,
    url,
    kubeconfig,
    stored,
    connection,
    kubectl: (...args) => run('kubectl', args),
    helm: (...args) => run('helm', args),
    start: (...args) => spawn('kubectl', args),
    async stop() {
      gate.shut('closed')
      listener.close()
      connection.close()
      await rm(home, { recursive: true, force: true })
    },
  }
}
