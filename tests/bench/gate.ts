import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, type Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { execa } from 'execa'
import { pack } from 'tar-stream'
import type { Gate } from '../../src/gate/index.ts'
import type { Executor } from '../../src/model/ports.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import type { Store } from '../../src/store/index.ts'
import { goProgram } from '../support/goprogram.ts'
import { startWaiting } from './container.ts'
import { type Figure, median, rounded } from './figures.ts'
import { type BenchGate, gateAgent, makeTokens, nonce, openGate } from './opengate.ts'

export interface GateContext {
  readonly cluster: Pick<Cluster, 'server' | 'caPem' | 'admin' | 'apply' | 'serviceAccountToken'>
  /** Where its ledger goes. */
  readonly store: Store
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
/**
 * A small object that every cluster has, out of the API server's own memory (Kubernetes docs: resourceVersion=0): a read from etcd
 * takes both cores, and what is measured is the way to the API server.
 */
const path = '/api/v1/namespaces/default/services/kubernetes?resourceVersion=0'

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

/** Requests of one kind that follow each other, as those of kubectl do, before it is the other kind's turn. */
const block = 50

/** A write, which goes into the ledger, between the blocks. */
const writeThrough = async (agent: PlainAgent): Promise<void> => {
  const written = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bench-gate' }, data: { at: String(performance.now()) } }
  const headers = { 'content-type': 'application/apply-patch+yaml' }
  const options = { agent, headers, hostname: 'gate', method: 'PATCH', path: `/${nonce}/api/v1/namespaces/default/configmaps/bench-gate` }
  await new Promise<void>((resolve, reject) => {
    const sent = plainRequest({ ...options, path: `${options.path}?fieldManager=bench&force=true` }, (answer) => {
      if ((answer.statusCode ?? 500) > 201) reject(new Error(`a write was answered with ${answer.statusCode}`))
      answer.resume().on('end', resolve)
    })
    sent.on('error', reject).end(JSON.stringify(written))
  })
}

/** Medians of a GET, straight and through the gate; both kinds in turns from one client in this process. */
const overhead = async (
  gate: Gate,
  { server, caPem }: GateContext['cluster'],
  token: string,
): Promise<{ direct: number; gated: number }> => {
  const { hostname, port } = new URL(server)
  const direct = new TlsAgent({ keepAlive: true, maxSockets: 1, ca: caPem })
  const gated = gateAgent(gate)
  const headers = { authorization: `Bearer ${token}` }
  const times = { direct: [] as number[], gated: [] as number[] }
  const kinds = [
    { to: times.direct, get: () => timeOf(tlsRequest, { agent: direct, hostname, port, path, headers }) },
    { to: times.gated, get: () => timeOf(plainRequest, { agent: gated, hostname: 'gate', path: `/${nonce}${path}` }) },
  ]
  for (let done = -warmUp; done < requests; done += block) {
    await writeThrough(gated)
    for (const { to, get } of kinds)
      for (let n = 0; n < block; n++) {
        const took = await get()
        if (done >= 0) to.push(took)
      }
  }
  direct.destroy()
  gated.destroy()
  return { direct: median(times.direct), gated: median(times.gated) }
}

/** From the moment at which an attempt is known to be revoked until a watch through its gate has ended at its client, in ms. */
const shutting = async (open: () => BenchGate): Promise<number> => {
  const { gate, claim, close } = open()
  const agent = gateAgent(gate)
  try {
    const watch = `/${nonce}/api/v1/namespaces/default/services?watch=true`
    const sent = plainRequest({ agent, hostname: 'gate', path: watch })
    sent.on('error', () => {}).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    await once(answer, 'data')
    const known = performance.now()
    claim.supersede()
    // What is cut ends with an error.
    await finished(answer).catch(() => {})
    return performance.now() - known
  } finally {
    close()
  }
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
 * `gate.overhead_p50_ms` and `gate.through_tether_p50_ms`: what the gate and the way to it add to a GET on a kept connection, while its credential
 * is renewed and writes go to its ledger; `gate.shut_vs_request`: until a revocation that is known has ended what is open;
 * `gate.discovery_vs_direct`: what its kept documents save.
 */
export const gateSuite = async ({ cluster, executor, store, runs }: GateContext): Promise<Figure[]> => {
  const tokens = await makeTokens(cluster)
  const open = () => openGate(cluster, store, tokens)
  const { gate, close, renewals } = open()
  const inside = inContainer(executor)
  const times = { straight: [], gated: [], tether: [], kept: [], direct: [], shut: [] } as Record<
    'straight' | 'gated' | 'tether' | 'kept' | 'direct' | 'shut',
    number[]
  >
  try {
    for (let run = 0; run < runs; run++) {
      const { kept, direct } = await discovery(gate, cluster)
      times.kept.push(kept)
      times.direct.push(direct)
      const { direct: straight, gated } = await overhead(gate, cluster, tokens[0] ?? '')
      times.straight.push(straight)
      times.gated.push(gated)
      times.tether.push(await throughTether(gate, cluster, inside))
      times.shut.push(await shutting(open))
    }
    if (renewals() === 0) throw new Error('no credential was renewed meanwhile')
  } finally {
    close()
  }
  return [
    {
      id: 'gate.overhead_p50_ms',
      value: rounded(median(times.gated.map((gated, run) => gated - (times.straight[run] ?? 0)))),
      unit: 'ms',
      peer: { name: 'a GET straight to the API server', value: rounded(median(times.straight)) },
      runs,
    },
    { id: 'gate.through_tether_p50_ms', value: rounded(median(times.tether)), unit: 'ms', runs },
    {
      id: 'gate.shut_vs_request',
      value: rounded(median(times.shut)),
      unit: 'ms',
      ratio: rounded(median(times.shut) / median(times.gated)),
      peer: { name: 'a GET through the gate', value: rounded(median(times.gated)) },
      runs,
    },
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
