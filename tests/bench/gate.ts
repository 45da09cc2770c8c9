import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, duplexPair } from 'node:stream'
import { execa } from 'execa'
import { pack } from 'tar-stream'
import { connect } from '../../src/cluster/connection.ts'
import { createClaim, createDiscoveryCache, createGate, type Gate } from '../../src/gate/index.ts'
import type { Executor } from '../../src/model/ports.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { goProgram } from '../support/goprogram.ts'
import { startWaiting } from './container.ts'
import { type Figure, median, rounded } from './figures.ts'

export interface GateContext {
  readonly cluster: Pick<Cluster, 'server' | 'caPem' | 'admin'>
  /** An executor of a Docker engine that has the execution image. */
  readonly executor: Executor
  readonly runs: number
}

/** A job that opens its connections through a tether: runs the program with these arguments and gives its output. */
type InContainer = (
  program: string,
  args: (port: number) => readonly string[],
  onConnection: (connection: Duplex) => void,
) => Promise<string>

const requests = 500
// A worker's code is warm after its first job.
const warmUp = 300
/**
 * Before each request of the client program, direct or not: an API server that is asked without a pause answers a third faster than
 * one that is asked now and then, and the direct client would be the only one that asks without a pause.
 */
const pause = '1ms'
const nonce = 'bench'
/**
 * A small object that every cluster has, out of the API server's own memory (Kubernetes docs: resourceVersion=0): a read from etcd
 * takes both cores, and what is measured is the way to the API server.
 */
const path = '/api/v1/namespaces/default/services/kubernetes?resourceVersion=0'

const openGate = ({ server, caPem, admin }: GateContext['cluster']): { gate: Gate; close(): void } => {
  const claim = createClaim({ claimMs: Number.POSITIVE_INFINITY })
  claim.renewed(performance.now())
  const connection = connect(
    { server, ca: caPem },
    { id: 'bench', kind: 'client-certificate', certificate: admin.certPem, key: new Secret(admin.keyPem) },
  )
  const gate = createGate({
    nonce,
    policy: { namespaces: ['default'], grants: [], verbs: [], resources: [] },
    claim,
    connection: () => connection,
    ledger: { append: async () => {} },
    attempt: 1,
    mark: 'telpher/bench/1',
    discovery: createDiscoveryCache(),
    signal: new AbortController().signal,
  })
  const close = (): void => {
    gate.shut('closed')
    connection.close()
  }
  return { gate, close }
}

const p50 = (output: string): number => median(JSON.parse(output) as number[]) / 1e6

/** Through a container of the executor: the program is sent along as a file. */
const inContainer =
  (executor: Executor): InContainer =>
  async (program, args, onConnection) => {
    let output = ''
    const { tether, port, end } = await startWaiting(executor, 'gate', {
      onOutput: (_, chunk) => {
        output += Buffer.from(chunk).toString()
      },
      onConnection,
    })
    try {
      const files = pack()
      files.entry({ name: 'program', mode: 0o755 }, await readFile(program))
      files.finalize()
      const exit = await tether.run({
        argv: ['/work/program', ...args(port)],
        env: { PATH: '/bin' },
        cwd: '/work',
        files: files as AsyncIterable<Uint8Array>,
      })
      if (exit.code !== 0) throw new Error(`the program ended with ${exit.code}: ${output}`)
      return output
    } finally {
      await end()
    }
  }

/** Milliseconds from the request to the end of its answer. */
const timeOf = (send: typeof plainRequest, options: RequestOptions): Promise<number> =>
  new Promise((resolve, reject) => {
    const started = performance.now()
    const sent = send(options, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${options.path} answered ${answer.statusCode}`))
      answer.resume().on('end', () => resolve(performance.now() - started))
    })
    sent.on('error', reject).end()
  })

/** An agent whose connections end in the gate without a kernel between them, as the channels of a tether do. */
const gateAgent = (gate: Gate): PlainAgent => {
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

/** Requests of one kind that follow each other, as those of kubectl do, before it is the other kind's turn. */
const block = 50

/** What a GET takes longer through the gate, median; both kinds in turns from one client in this process. */
const overhead = async (gate: Gate, { server, caPem, admin }: GateContext['cluster']): Promise<number> => {
  const { hostname, port } = new URL(server)
  const direct = new TlsAgent({ keepAlive: true, maxSockets: 1, ca: caPem, cert: admin.certPem, key: admin.keyPem })
  const gated = gateAgent(gate)
  const times = { direct: [] as number[], gated: [] as number[] }
  const kinds = [
    { to: times.direct, get: () => timeOf(tlsRequest, { agent: direct, hostname, port, path }) },
    { to: times.gated, get: () => timeOf(plainRequest, { agent: gated, hostname: 'gate', path: `/${nonce}${path}` }) },
  ]
  for (let done = -warmUp; done < requests; done += block)
    for (const { to, get } of kinds)
      for (let n = 0; n < block; n++) {
        const took = await get()
        if (done >= 0) to.push(took)
      }
  direct.destroy()
  gated.destroy()
  return median(times.gated) - median(times.direct)
}

const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'

/** What each kubectl in a fresh container asks first: which kinds there are. Through the gate, which keeps it, and straight; in turns. */
const discovery = async (gate: Gate, { server, caPem, admin }: GateContext['cluster']): Promise<{ kept: number; direct: number }> => {
  const { hostname, port } = new URL(server)
  const tls = new TlsAgent({ keepAlive: true, maxSockets: 1, ca: caPem, cert: admin.certPem, key: admin.keyPem })
  const gated = gateAgent(gate)
  const headers = { accept: aggregated }
  const times = { kept: [] as number[], direct: [] as number[] }
  for (let n = -2; n < 20; n++) {
    let [kept, direct] = [0, 0]
    for (const document of ['/api?timeout=32s', '/apis?timeout=32s', '/openapi/v3?timeout=32s']) {
      direct += await timeOf(tlsRequest, { agent: tls, hostname, port, path: document, headers })
      kept += await timeOf(plainRequest, { agent: gated, hostname: 'gate', path: `/${nonce}${document}`, headers })
    }
    if (n < 0) continue
    times.kept.push(kept)
    times.direct.push(direct)
  }
  tls.destroy()
  gated.destroy()
  return { kept: median(times.kept), direct: median(times.direct) }
}

/**
 * `gate.through_tether_p50_ms`: what a GET takes longer from inside a container, through shim, tether and gate, than straight to
 * the API server from this host; one client program for both.
 */
const throughTether = async (gate: Gate, cluster: GateContext['cluster'], inside: InContainer): Promise<number> => {
  const program = await goProgram(`${import.meta.dirname}/gateping`)
  const folder = await mkdtemp(join(tmpdir(), 'telpher-bench-gate-'))
  try {
    const pair = [join(folder, 'cert.pem'), join(folder, 'key.pem')] as const
    await writeFile(pair[0], cluster.admin.certPem, { mode: 0o600 })
    await writeFile(pair[1], cluster.admin.keyPem, { mode: 0o600 })
    const direct = await execa(program, [`${cluster.server}${path}`, String(requests), pause, ...pair])
    const urlOf = (port: number): string => `http://127.0.0.1:${port}/${nonce}${path}`
    const tethered = await inside(
      program,
      (port) => [urlOf(port), String(requests), pause],
      (connection) => gate.accept(connection),
    )
    return p50(tethered) - p50(direct.stdout)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * `gate.overhead_p50_ms` and `gate.through_tether_p50_ms`: what the gate and the way to it add to a GET on a kept connection;
 * `gate.discovery_vs_direct`: what its kept documents save.
 */
export const gateSuite = async ({ cluster, executor, runs }: GateContext): Promise<Figure[]> => {
  const { gate, close } = openGate(cluster)
  const inside = inContainer(executor)
  const times = { overhead: [] as number[], tether: [] as number[], kept: [] as number[], direct: [] as number[] }
  try {
    for (let run = 0; run < runs; run++) {
      const { kept, direct } = await discovery(gate, cluster)
      times.kept.push(kept)
      times.direct.push(direct)
      times.overhead.push(await overhead(gate, cluster))
      times.tether.push(await throughTether(gate, cluster, inside))
    }
  } finally {
    close()
  }
  return [
    { id: 'gate.overhead_p50_ms', value: rounded(median(times.overhead)), unit: 'ms', runs },
    { id: 'gate.through_tether_p50_ms', value: rounded(median(times.tether)), unit: 'ms', runs },
    {
      id: 'gate.discovery_vs_direct',
      value: rounded(median(times.kept)),
      unit: 'ms',
      ratio: rounded(median(times.kept) / median(times.direct)),
      peer: { name: 'the same documents from the API server', value: rounded(median(times.direct)) },
      runs,
    },
  ]
}
