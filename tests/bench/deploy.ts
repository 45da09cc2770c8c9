import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { execa } from 'execa'
import type { Client } from '../../src/cli/client.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { packPath } from '../../src/steps/package/pack.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded } from './figures.ts'

export interface DeployContext {
  /** Server, one worker, and a cluster with kwok, whose target is called `bench`. */
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

/** From the request to the event that the deployment has finished, every object current. */
const ours = async (stack: Stack, folder: string, name: string): Promise<number> => {
  const client = await clientOf(stack)
  const { bytes, sha256 } = await packPath(folder)
  await client.uploadPackage(bytes, sha256)
  const begun = performance.now()
  const { deployment } = await client.deploy({ steps: [{ kind: 'apply', name, package: sha256 }], targets: ['bench'] }, randomUUID())
  for await (const event of client.events(deployment.id, { signal: AbortSignal.timeout(120_000) }))
    if (event.type === 'deployment' && event.state === 'finished') {
      if (event.result !== 'success') throw new Error(`${deployment.id} ended as ${event.result}`)
      return performance.now() - begun
    }
  throw new Error(`the events of ${deployment.id} ended too early`)
}

/** What people do without us: a container for kubectl apply, then one for kubectl rollout status, on the host's network. */
const peer = async (stack: Stack, folder: string, name: string): Promise<number> => {
  const run = (...args: string[]) =>
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
  await run('apply', '--server-side', '--filename=/objects/objects.yaml')
  await run('rollout', 'status', `deployment/${name}`, '--timeout=60s')
  return performance.now() - begun
}

/** `deploy.cold_vs_docker_run`: three objects from request to current, beside two `docker run` of kubectl, in turns. */
export const deploySuite = async ({ stack, runs }: DeployContext): Promise<Figure[]> => {
  const times = { ours: [] as number[], peer: [] as number[] }
  // One of each first, which also fills caches on both sides.
  for (let run = -1; run < runs; run++) {
    const kinds = run % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const)
    for (const kind of kinds) {
      const name = `${kind}-${run + 1}`
      await apart()
      const took = await { ours, peer }[kind](stack, folderFor(`${stack.dir}/bench`, name), name)
      if (run >= 0) times[kind].push(took)
    }
  }
  const [mine, theirs] = [median(times.ours), median(times.peer)]
  return [
    {
      id: 'deploy.cold_vs_docker_run',
      value: rounded(mine),
      unit: 'ms',
      ratio: rounded(mine / theirs),
      peer: { name: 'docker run kubectl apply, docker run kubectl rollout status', value: rounded(theirs) },
      runs,
    },
  ]
}

/** The cluster of the stack as the target `bench`, with its admin's client certificate. */
export const addBenchTarget = async (client: Client, stack: Stack): Promise<void> => {
  const { server, caPem, admin } = stack.cluster
  await client.addTarget({
    name: 'bench',
    server,
    ca: caPem,
    credential: { kind: 'client-certificate', certificate: admin.certPem, key: admin.keyPem },
  })
}

/** One deployment like those that are measured. */
export const oneDeployment = async (stack: Stack): Promise<void> => {
  const name = `one-${Math.random().toString(36).slice(2, 8)}`
  await ours(stack, folderFor(`${stack.dir}/bench`, name), name)
}
