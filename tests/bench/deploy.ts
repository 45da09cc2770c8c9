import { mkdirSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import type { Client } from '../../src/client/http.ts'
import { setupObjects } from '../../src/credentials/bootstrap/objects.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import { binaryPath } from '../../src/sandbox/setup/binaries.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded } from './figures.ts'
import { run } from './ours.ts'

export interface DeployContext {
  /** Server, a worker, another one of the pool `cold` that keeps no containers, and a cluster with kwok, which is the target of each. */
  readonly stack: Stack
  readonly runs: number
}

/** A ConfigMap, a Deployment with a readiness probe, and a Service. */
const objects = (name: string): string =>
  [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { greeting: 'hello' } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: { containers: [{ name: 'web', image: 'example.test/web:1', readinessProbe: { httpGet: { path: '/', port: 8080 } } }] },
        },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports: [{ port: 80 }] } },
  ]
    .map((object) => `${JSON.stringify(object)}\n`)
    .join('---\n')

/** Controllers move in steps of about a second, and runs back to back lock onto them. */
const apart = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 2000))

const folderFor = (dir: string, name: string): string => {
  const folder = `${dir}/${name}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/objects.yaml`, objects(name))
  return folder
}

/** Three objects with `telpher`'s own step. */
const ours = async (stack: Stack, folder: string, name: string, target: string): Promise<number> =>
  (await run(stack, { kind: 'apply', name, path: folder }, target)).ms

/** What people do without us: a container for kubectl apply, then one for kubectl rollout status, on the host's network. */
const peer = async (stack: Stack, folder: string, name: string): Promise<number> => {
  const contained = (...args: string[]) =>
    execa('docker', [
      ...['--host', `unix://${stack.docker.socketPath}`, 'run', '--rm', '--network', 'host'],
      ...[
        '--user',
        '0',
        '-v',
        `${stack.cluster.kubeconfig}:/kubeconfig:ro`,
        '-v',
        `${folder}:/objects:ro`,
        '-e',
        'KUBECONFIG=/kubeconfig',
        execImage,
        'kubectl',
        ...args,
      ],
    ])
  const begun = performance.now()
  await contained('apply', '--server-side', '--filename=/objects/objects.yaml')
  await contained('rollout', 'status', `deployment/${name}`, '--timeout=60s')
  return performance.now() - begun
}

/** The same programs on this host, without any container. */
const bare = async (stack: Stack, folder: string, name: string): Promise<number> => {
  const kubectl = (...args: string[]) => execa(binaryPath('kubectl'), args, { env: { KUBECONFIG: stack.cluster.kubeconfig } })
  const begun = performance.now()
  await kubectl('apply', '--server-side', `--filename=${folder}/objects.yaml`)
  await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s')
  return performance.now() - begun
}

type Way = (stack: Stack, folder: string, name: string) => Promise<number>
const ways = {
  warm: ((stack, folder, name) => ours(stack, folder, name, 'bench')) satisfies Way,
  cold: ((stack, folder, name) => ours(stack, folder, name, 'bench-cold')) satisfies Way,
  docker: peer,
  bare,
} as const
type Kind = keyof typeof ways

const peers = {
  docker: 'docker run kubectl apply, docker run kubectl rollout status',
  bare: 'kubectl apply, kubectl rollout status on the host',
} as const

const phases = ['created', 'admitted', 'preparing', 'running', 'verifying', 'succeeded'] as const

/** `deploy.noop_PHASE_ms`: how long deployments are in each phase of their one job, by the times of its events. */
const phasesOf = async (stack: Stack, ids: readonly string[]): Promise<Figure[]> => {
  const client = await clientOf(stack)
  const times = new Map<string, number[]>()
  for (const id of ids) {
    const at = new Map<string, number>([['created', (await client.deployment(id)).deployment.createdAt]])
    for (const event of await client.history(id)) if (event.type === 'job') at.set(event.to, event.at)
    for (const [index, phase] of phases.slice(0, -1).entries()) {
      const took = (at.get(phases[index + 1] ?? '') ?? Number.NaN) - (at.get(phase) ?? Number.NaN)
      times.set(phase, [...(times.get(phase) ?? []), took])
    }
  }
  return [...times].map(([phase, of]) => ({ id: `deploy.noop_${phase}_ms`, value: rounded(median(of)), unit: 'ms', runs: of.length }))
}

/** `deploy.noop_s`: what is already there is applied again, from the request to the verdict. */
const unchanged = async ({ stack, runs }: DeployContext): Promise<Figure[]> => {
  const folder = folderFor(`${stack.dir}/bench`, 'noop')
  const times = { warm: [] as number[], docker: [] as number[] }
  const ids: string[] = []
  for (let round = -2; round < runs; round++) {
    await apart()
    const warm = await run(stack, { kind: 'apply', name: 'noop', path: folder }, 'bench')
    await apart()
    const docker = await peer(stack, folder, 'noop')
    if (round < 0) continue
    ids.push(warm.id)
    times.warm.push(warm.ms / 1000)
    times.docker.push(docker / 1000)
  }
  const noop: Figure = {
    id: 'deploy.noop_s',
    value: rounded(median(times.warm)),
    unit: 's',
    ratio: rounded(median(times.warm) / median(times.docker)),
    peer: { name: peers.docker, value: rounded(median(times.docker)) },
    runs,
  }
  return [noop, ...(await phasesOf(stack, ids))]
}

/** Three objects from request to current, with a container that waits and without, beside kubectl in containers and bare; in turns. */
export const deploySuite = async ({ stack, runs }: DeployContext): Promise<Figure[]> => {
  const kinds = Object.keys(ways) as Kind[]
  const times: Record<Kind, number[]> = { warm: [], cold: [], docker: [], bare: [] }
  // One of each first, which also fills caches on both sides.
  for (let run = -1; run < runs; run++) {
    for (const kind of run % 2 === 0 ? kinds : kinds.toReversed()) {
      const name = `${kind}-${run + 1}`
      await apart()
      const took = await ways[kind](stack, folderFor(`${stack.dir}/bench`, name), name)
      if (run >= 0) times[kind].push(took)
    }
  }
  const figure = (id: string, mine: Kind, theirs: keyof typeof peers): Figure => ({
    id,
    value: rounded(median(times[mine])),
    unit: 'ms',
    ratio: rounded(median(times[mine]) / median(times[theirs])),
    peer: { name: peers[theirs], value: rounded(median(times[theirs])) },
    runs,
  })
  return [
    figure('deploy.cold_vs_docker_run', 'cold', 'docker'),
    figure('deploy.warm_vs_docker_run', 'warm', 'docker'),
    figure('deploy.warm_vs_kubectl', 'warm', 'bare'),
    ...(await unchanged({ stack, runs })),
  ]
}

/** The cluster of the stack as the targets `bench` and `bench-cold`, in the mode that is the default: each deployment mints a token. */
export const addBenchTargets = async (client: Client, stack: Stack): Promise<void> => {
  const { server, caPem } = stack.cluster
  await stack.cluster.apply(...setupObjects({ target: 'bench', home: 'telpher', namespaces: ['default'], clusterWide: false }))
  const token = await stack.cluster.serviceAccountToken('telpher', 'bootstrap-bench', 86_400)
  const credential = { kind: 'token-request' as const, token, namespace: 'telpher', serviceAccount: 'deployer-bench' }
  await client.addTarget({ name: 'bench', server, ca: caPem, credential })
  await client.addTarget({ name: 'bench-cold', server, ca: caPem, credential, pool: 'cold' })
}

/** One deployment like those that are measured. */
export const oneDeployment = async (stack: Stack): Promise<void> => {
  const name = `one-${Math.random().toString(36).slice(2, 8)}`
  await ours(stack, folderFor(`${stack.dir}/bench`, name), name, 'bench')
}
