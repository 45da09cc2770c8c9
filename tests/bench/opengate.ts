import { Agent as PlainAgent } from 'node:http'
import { duplexPair } from 'node:stream'
import { createConnector } from '../../src/cluster/connection.ts'
import { type Claim, createClaim, createDiscoveryCache, createGate, type Gate, keepFresh } from '../../src/gate/index.ts'
import type { Credential } from '../../src/model/credential.ts'
import { newId } from '../../src/model/ids.ts'
import type { ClusterConnection } from '../../src/model/ports.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Store } from '../../src/store/index.ts'

export const nonce = 'bench'

/** A service account that may do what the gate is asked for here, and tokens of it, as an attempt has one after the other. */
export const makeTokens = async (cluster: Pick<Cluster, 'apply' | 'serviceAccountToken'>): Promise<readonly string[]> => {
  const named = { name: 'bench-gate', namespace: 'default' }
  await cluster.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: named,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' },
      subjects: [{ kind: 'ServiceAccount', ...named }],
    },
  )
  return Promise.all([1, 2, 3].map(() => cluster.serviceAccountToken(named.namespace, named.name)))
}

/** Of its credentials: each is replaced at half of it, as many times a minute as one of an attempt is in a day. */
const lifeMs = 4000

export interface BenchGate {
  readonly gate: Gate
  readonly claim: Claim
  /** How often its credential was replaced. */
  renewals(): number
  close(): void
}

/** A gate as a worker has it: its credential is renewed while it is used, and its ledger goes to Redis. */
export const openGate = ({ server, caPem }: Pick<Cluster, 'server' | 'caPem'>, store: Store, tokens: readonly string[]): BenchGate => {
  const claim = createClaim({ claimMs: Number.POSITIVE_INFINITY })
  claim.renewed(performance.now())
  const connector = createConnector()
  let renewals = 0
  const connectAnew = (): ClusterConnection => {
    const token = tokens[renewals % tokens.length] ?? ''
    const credential: Credential = { id: `bench-${renewals}`, kind: 'bearer', token: new Secret(token) }
    return connector({ server, ca: caPem }, credential)
  }
  let connection = connectAnew()
  const ending = new AbortController()
  keepFresh({
    expiresAt: Date.now() + lifeMs,
    async renew() {
      renewals++
      connection = connectAnew()
      return Date.now() + lifeMs
    },
    onFailure(error) {
      throw error
    },
    signal: ending.signal,
  })
  const gate = createGate({
    nonce,
    policy: { namespaces: ['default'], grants: [], verbs: [], resources: [] },
    claim,
    connection: () => connection,
    ledger: store.ledger({ deploymentId: newId('dep'), jobId: newId('job') }),
    attempt: 1,
    mark: 'telpher/bench/1',
    discovery: createDiscoveryCache(),
    signal: ending.signal,
  })
  const close = (): void => {
    ending.abort()
    gate.shut('closed')
    connection.close()
  }
  return { gate, claim, renewals: () => renewals, close }
}

/** An agent whose connections end in the gate without a kernel between them, as the channels of a tether do. */
export const gateAgent = (gate: Gate): PlainAgent => {
  const agent = new PlainAgent({ keepAlive: true, maxSockets: 1 })
  const nothing = (): void => {}
  agent.createConnection = () => {
    const [client, server] = duplexPair()
    gate.accept(server)
    // What agents expect of a socket beyond a stream.
    return Object.assign(client, { setKeepAlive: nothing, setNoDelay: nothing, setTimeout: nothing, ref: nothing, unref: nothing })
  }
  return agent
}
