import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import type { Client } from '../../src/client/http.ts'
import { setupObjects } from '../../src/credentials/bootstrap/objects.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import type { Stack } from '../../src/sandbox/stack.ts'
import { packPath } from '../../src/steps/package/pack.ts'
import { enrolWorkers } from '../support/enrol.ts'
import { eventually } from '../support/eventually.ts'
import { clientOf } from './client.ts'
import { type Figure, median, rounded } from './figures.ts'

/** Deployments that a worker has at a time, few and many: what one more costs is the difference by their number. */
const levels = [4, 32] as const
const peers = 8
const target = 'dense'

/** It is applied at once and not current for an hour: whoever deploys it waits. */
const waiting = (name: string): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      minReadySeconds: 3600,
      progressDeadlineSeconds: 7200,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image: 'example.test/web:1' }] } },
    },
  })

const packaged = (dir: string, name: string): string => {
  const folder = `${dir}/bench/${name}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/objects.yaml`, waiting(name))
  return folder
}

const kib = (text: string, field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? Number.NaN)
/** Resident memory of a process, in MB (proc(5)). */
const residentMb = (pid: number): number => (kib(readFileSync(`/proc/${pid}/status`, 'utf8'), 'VmRSS') * 1024) / 1e6
/** The same, where what several processes share counts in parts: in favour of many processes of one program. */
const ownMb = (pid: number): number => (kib(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') * 1024) / 1e6

/** What a value comes to rest at: the median of some looks. */
const settled = async (look: () => number): Promise<number> => {
  await pause(5000)
  const seen: number[] = []
  for (let n = 0; n < 15; n++) {
    seen.push(look())
    await pause(200)
  }
  return median(seen)
}

const docker = async ({ docker: { socketPath } }: Stack, ...args: string[]): Promise<string> =>
  (await execa('docker', ['--host', `unix://${socketPath}`, ...args])).stdout

/** Memory of the containers of a worker's attempts, in MB, by the processes in them. */
const containersMb = async (stack: Stack, worker: string): Promise<number> => {
  const ids = (await docker(stack, 'ps', '--quiet', '--filter', `label=telpher.worker-name=${worker}`))
    .split('\n')
    .filter((id) => id !== '')
  let sum = 0
  for (const id of ids) {
    const pids = (await docker(stack, 'top', id, '-eo', 'pid')).split('\n').slice(1)
    sum += pids.reduce((total, pid) => total + ownMb(Number(pid)), 0)
  }
  return sum
}

interface Seen {
  readonly worker: number
  readonly containers: number
}

/** A worker of its own that has so many deployments at a time, all waiting for their objects. */
const loaded = async (stack: Stack, client: Client, key: string, count: number, round: number): Promise<Seen> => {
  const name = `dense-${count}-${round}`
  const worker = stack.addWorker(name, {
    TELPHER_POOL: 'dense',
    TELPHER_POOL_KEY_FILE: key,
    TELPHER_CONCURRENCY: String(Math.max(...levels)),
    TELPHER_WARM_CONTAINERS: '0',
  })
  await eventually(async () => (await client.workers()).workers.some((one) => one.name === name && one.state === 'available'), 120_000)
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const object = `${name}-${n}`
      const { bytes, sha256 } = await packPath(packaged(stack.dir, object))
      await client.uploadPackage(bytes, sha256)
      const step = { kind: 'apply' as const, name: object, package: sha256, deadlineSeconds: 3600 }
      return (await client.deploy({ steps: [step], targets: [target] }, randomUUID())).deployment.id
    }),
  )
  const isVerifying = async (id: string): Promise<boolean> => {
    const [job] = (await client.deployment(id)).jobs
    if (job?.end !== undefined) throw new Error(`${id} ended: ${job.end.sentence}`)
    return job?.status === 'verifying'
  }
  await eventually(async () => (await Promise.all(ids.map(isVerifying))).every(Boolean), 600_000, 500)
  const seen = { worker: await settled(() => residentMb(worker.pid)), containers: await containersMb(stack, name) }
  for (const id of ids) await client.cancel(id, true)
  await worker.stop()
  return seen
}

/** The same deployments by a process of `docker run` each, in which kubectl waits: what the processes on the worker's side hold, and the containers. */
const loadedPeer = async (stack: Stack): Promise<Seen> => {
  const names = Array.from({ length: peers }, (_, n) => `dense-peer-${n}`)
  const running = names.map((name) => {
    const folder = packaged(stack.dir, name)
    const child = execa('docker', [
      ...['--host', `unix://${stack.docker.socketPath}`, 'run', '--rm', '--name', name, '--network', 'host', '--user', '0'],
      ...['-v', `${stack.cluster.kubeconfig}:/kubeconfig:ro`, '-v', `${folder}:/objects:ro`, '-e', 'KUBECONFIG=/kubeconfig', execImage],
      ...['/bin/sh', '-c', `kubectl apply --server-side -f /objects/objects.yaml && kubectl rollout status deployment/${name}`],
    ])
    child.catch(() => {})
    return child
  })
  const pidsIn = async (name: string): Promise<number[]> =>
    (await docker(stack, 'top', name, '-eo', 'pid')).split('\n').slice(1).map(Number)
  try {
    await Promise.all(
      names.map((name) =>
        eventually(
          // Not the shell, whose argument has it too.
          async () => /^\s*\d+\s+kubectl rollout/m.test(await docker(stack, 'top', name, '-eo', 'pid,args').catch(() => '')),
          120_000,
          300,
        ),
      ),
    )
    const sum = (pids: readonly number[]): number => pids.reduce((total, pid) => total + ownMb(pid), 0)
    const outside = await settled(() => sum(running.map(({ pid }) => pid ?? 0)))
    const inside = (await Promise.all(names.map(pidsIn))).flat()
    return { worker: outside / peers, containers: sum(inside) / peers }
  } finally {
    await docker(stack, 'rm', '--force', ...names).catch(() => {})
    await Promise.allSettled(running)
  }
}

/**
 * `density.per_gb`: deployments at a time for each GB of memory, by what one more of them adds to the worker process. Beside it the memory that the
 * containers hold then, which is the host's: none for ours, whose containers are gone while the worker waits for the objects.
 */
export const densitySuite = async (stack: Stack, runs: number): Promise<Figure[]> => {
  const client = await clientOf(stack)
  const key = await enrolWorkers(client, 'dense', stack.dir)
  await stack.cluster.apply(...setupObjects({ target, home: 'telpher-dense', namespaces: ['default'], clusterWide: false }))
  const token = await stack.cluster.serviceAccountToken('telpher-dense', `bootstrap-${target}`, 86_400)
  const credential = { kind: 'token-request' as const, token, namespace: 'telpher-dense', serviceAccount: `deployer-${target}` }
  await client.addTarget({ name: target, server: stack.cluster.server, ca: stack.cluster.caPem, credential, pool: 'dense' })
  const more: number[] = []
  const containers: number[] = []
  const theirs: Seen[] = []
  const [few, many] = levels
  for (let round = 0; round < runs; round++) {
    const [low, high] = [await loaded(stack, client, key, few, round), await loaded(stack, client, key, many, round)]
    more.push((high.worker - low.worker) / (many - few))
    containers.push(high.containers / many)
    theirs.push(await loadedPeer(stack))
  }
  const ours = median(more)
  const peer = (of: (seen: Seen) => number): number => 1000 / median(theirs.map(of))
  const figure = (id: string, mb: number, per: number, name: string): Figure => ({
    id,
    value: rounded(1000 / mb),
    unit: 'deployments/GB',
    ratio: rounded(1000 / mb / per),
    peer: { name, value: rounded(per) },
    runs,
  })
  return [
    figure(
      'density.per_gb',
      ours,
      peer(({ worker }) => worker),
      'a process of docker run each, without what its container holds',
    ),
    figure(
      'density.with_containers_per_gb',
      ours + median(containers),
      peer(({ worker, containers: held }) => worker + held),
      'docker run kubectl, with its container',
    ),
    { id: 'density.mb_each', value: rounded(ours), unit: 'MB', runs },
  ]
}
