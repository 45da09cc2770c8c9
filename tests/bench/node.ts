import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import { binaryPath } from '../../src/sandbox/setup/binaries.ts'
import { images } from '../../src/sandbox/setup.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { type Figure, median, rounded } from './figures.ts'
import { run } from './ours.ts'

export interface NodeContext {
  /** Server, a worker, and a cluster with a real node whose API server records every request; it is the target `bench`. */
  readonly stack: Stack
  readonly runs: number
}

/** What the peers are allowed to wait, in seconds. */
const limit = 120

interface Workload {
  readonly image: string
  readonly command?: readonly string[]
  readonly replicas?: number
}

const crashing: Workload = { image: images.busybox, command: ['/bin/sh', '-c', 'echo no database; exit 1'] }
const absent: Workload = { image: 'example.test/absent:1' }

const deploymentOf = (name: string, { image, command, replicas = 1 }: Workload): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent', command }] },
    },
  },
})

const folderOf = (stack: Stack, name: string, files: Readonly<Record<string, string>>): string => {
  const folder = `${stack.dir}/bench/${name}`
  mkdirSync(`${folder}/templates`, { recursive: true })
  for (const [path, text] of Object.entries(files)) writeFileSync(`${folder}/${path}`, text)
  return folder
}

const chartOf = (stack: Stack, name: string, template: string): string =>
  folderOf(stack, name, { 'Chart.yaml': `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`, 'templates/app.yaml': template })

const kubectl = (stack: Stack, ...args: string[]) =>
  execa(binaryPath('kubectl'), args, { env: { KUBECONFIG: stack.cluster.kubeconfig }, reject: false })
const helm = (stack: Stack, ...args: string[]) =>
  execa(binaryPath('helm'), args, { env: { KUBECONFIG: stack.cluster.kubeconfig }, reject: false })

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now()
  await work()
  return (performance.now() - begun) / 1000
}

/** Until each says how it ended; the peers are asked once, since they mostly take all of their limit. */
const broken = async ({ stack, runs }: NodeContext, id: string, workload: Workload): Promise<Figure[]> => {
  const named = (way: string): string => `${id.replaceAll(/[^a-z]/g, '-')}-${way}`
  const mine: number[] = []
  for (let count = 0; count < runs; count++) {
    const name = named(`ours-${count}`)
    const folder = folderOf(stack, name, { 'app.yaml': JSON.stringify(deploymentOf(name, workload)) })
    mine.push((await run(stack, { kind: 'apply', name, path: folder }, 'bench', 'failure')).ms / 1000)
    await kubectl(stack, 'delete', 'deployment', name, '--wait=false')
  }
  const plain = named('kubectl')
  const folder = folderOf(stack, plain, { 'app.yaml': JSON.stringify(deploymentOf(plain, workload)) })
  const rollout = await seconds(async () => {
    await kubectl(stack, 'apply', '--server-side', `--filename=${folder}/app.yaml`)
    await kubectl(stack, 'rollout', 'status', `deployment/${plain}`, `--timeout=${limit}s`)
  })
  await kubectl(stack, 'delete', 'deployment', plain, '--wait=false')
  const release = named('helm')
  const chart = chartOf(stack, release, JSON.stringify(deploymentOf(release, workload)))
  const waited = await seconds(() => helm(stack, 'install', release, chart, '--wait', `--timeout=${limit}s`))
  await kubectl(stack, 'delete', 'deployment', release, '--wait=false')
  const value = rounded(median(mine))
  const beside = (name: string, took: number): Figure => ({
    id,
    value,
    unit: 's',
    ratio: rounded(value / took),
    peer: { name: `${name} with a limit of ${limit} s`, value: rounded(took) },
    runs,
  })
  return [beside('kubectl rollout status', rollout), beside('helm install --wait', waited)]
}

interface AuditLine {
  readonly auditID: string
  readonly verb: string
  readonly userAgent?: string
  readonly user: { readonly username: string }
}

/** Ours by their token, peers' as the admin. */
const measured = ({ user: { username } }: AuditLine): boolean => username === 'admin' || username.endsWith(':deployer-bench')

/** The requests that are recorded from now on: the benchmark itself sends none meanwhile. */
const recorder = ({ cluster }: Stack): (() => AuditLine[]) => {
  const before = readFileSync(cluster.auditLog, 'utf8').length
  return () => {
    const lines = readFileSync(cluster.auditLog, 'utf8').slice(before).trimEnd().split('\n')
    const all = lines.map((line) => JSON.parse(line) as AuditLine).filter(measured)
    // A watch is recorded when it begins and when it ends.
    return [...new Map(all.map((line) => [line.auditID, line])).values()]
  }
}

/** `helm.requests`: one value of a release changes; requests that the API server saw until there was a verdict. */
const helmRequests = async ({ stack, runs }: NodeContext): Promise<Figure> => {
  const app = (name: string): string =>
    JSON.stringify(deploymentOf(name, { image: images.busybox, command: ['/bin/sh', '-c', 'exec sleep 3600'] })).replace(
      '"metadata":{"name"',
      '"metadata":{"annotations":{"round":"{{ .Values.round }}"},"name"',
    )
  const service = (name: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, annotations: { round: '{{ .Values.round }}' } },
      spec: { selector: { app: name }, ports: [{ port: 80 }] },
    })
  const chart = (name: string): string => chartOf(stack, name, `${app(name)}\n---\n${service(name)}\n`)
  const [mine, theirs] = [chart('requests-ours'), chart('requests-helm')]
  const counts = { mine: [] as number[], theirs: [] as number[] }
  for (let round = 0; round <= runs; round++) {
    const ours = recorder(stack)
    await run(stack, { kind: 'helm', name: 'requests', release: 'requests-ours', path: mine, set: { round: `r${round}` } }, 'bench')
    const seen = ours().length
    const peer = recorder(stack)
    const upgraded = await helm(
      stack,
      ...['upgrade', '--install', 'requests-helm', theirs, '--wait', `--timeout=${limit}s`, '--set', `round=r${round}`],
    )
    if (upgraded.exitCode !== 0) throw new Error(upgraded.stderr)
    if (round === 0) continue
    counts.mine.push(seen)
    counts.theirs.push(peer().length)
  }
  return {
    id: 'helm.requests',
    value: median(counts.mine),
    unit: 'requests',
    ratio: rounded(median(counts.mine) / median(counts.theirs)),
    peer: { name: 'helm upgrade --wait', value: median(counts.theirs) },
    runs,
  }
}

/** `verify.requests_500`: lists and watches that 500 objects of five kinds in one namespace cost, beside kinds × namespaces + 10. */
const manyObjects = async ({ stack }: NodeContext): Promise<Figure> => {
  const kinds = [
    (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: 'b' } }),
    (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { a: 'b' } }),
    (name: string): object => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }),
    (name: string): object => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { clusterIP: 'None', selector: { app: name } },
    }),
    (name: string): object => deploymentOf(name, { image: images.busybox, replicas: 0 }),
  ]
  const objects = kinds.flatMap((kind) => Array.from({ length: 100 }, (_, at) => JSON.stringify(kind(`many-${at}`))))
  const folder = folderOf(stack, 'many', { 'objects.yaml': objects.join('\n---\n') })
  const seen = recorder(stack)
  await run(stack, { kind: 'apply', name: 'many', path: folder }, 'bench')
  const value = seen().filter(({ verb }) => verb === 'list' || verb === 'watch').length
  const allowed = kinds.length + 10
  return {
    id: 'verify.requests_500',
    value,
    unit: 'requests',
    ratio: rounded(value / allowed),
    peer: { name: 'kinds × namespaces + 10', value: allowed },
    runs: 1,
  }
}

/** Broken workloads on a real node beside what kubectl and helm say of them, and what a verdict costs the API server. */
export const nodeSuite = async (context: NodeContext): Promise<Figure[]> => [
  ...(await broken(context, 'verify.crash_loop_s', crashing)),
  ...(await broken(context, 'verify.bad_image_s', absent)),
  await helmRequests(context),
  await manyObjects(context),
]
