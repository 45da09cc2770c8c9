import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import Dockerode from 'dockerode'
import type { Client, Detail } from '../../src/client/http.ts'
import { packLocal } from '../../src/client/pack.ts'
import type { Job } from '../../src/model/deployment.ts'
import { type HelmMajor, helmMajors } from '../../src/model/image.ts'
import { isTerminal } from '../../src/model/states.ts'
import type { E2e } from './e2e-stack.ts'
import { eventually } from './eventually.ts'
import { manyChart } from './many-chart.ts'
import { seededRandom } from './random.ts'
import { holderOf } from './running.ts'

const operations = ['install', 'upgrade', 'rollback'] as const
const killers = ['worker', 'container', 'cancel', 'outage'] as const

/** What helm is interrupted in, by what, and when. */
export interface KillPoint {
  readonly operation: (typeof operations)[number]
  readonly by: (typeof killers)[number]
  readonly helm: HelmMajor
  /**
   * `writing`: once helm's revision is pending, and so many of its objects are there. `time`: after a share of the time that an
   * undisturbed job takes, wherever it is then.
   */
  readonly when: 'writing' | 'time'
  /** Of the objects or of the time, from 0 to 1. */
  readonly share: number
}

/** Points that the seed gives: every operation with every killer in turn, at times of chance. */
export const killPoints = (seed: number, count: number, majors: readonly HelmMajor[] = helmMajors): KillPoint[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index) => ({
    operation: operations[index % operations.length] ?? 'install',
    by: killers[index % killers.length] ?? 'worker',
    helm: majors[Math.floor(random() * majors.length)] ?? 4,
    // A time alone hits little: how long a job takes depends on what else the machine does.
    // The first of each killer is sure to hit.
    when: random() < 0.75 || index < killers.length ? 'writing' : 'time',
    share: random(),
  }))
}

/** What became of one point. */
export interface Killed {
  readonly point: KillPoint
  /** The newest revision right before the kill; absent when there was none. */
  readonly found: string | undefined
  readonly result: string
  /** How its job ended, where that was no success. */
  readonly said?: string
  /** What the next deployment did not do as it must; absent when all was well. */
  readonly wrong?: string
}

interface Scene {
  readonly e2e: E2e
  readonly client: Client
  readonly namespace: string
  readonly target: string
  /** How long an undisturbed job takes, in ms. */
  readonly usualMs: number
  /** Takes the API server away for a moment. */
  readonly outage: () => Promise<void>
}

interface Revision {
  readonly revision: number
  readonly status: string
}

/** So many objects keep helm at work for a second or more. */
const mapCount = 150
/** What an operation brings the objects to. */
const versionOf = { install: 1, upgrade: 2, rollback: 1 } as const
const deploymentEndsMs = 240_000
const outageMs = 3000

const revisionsOf = async ({ e2e, namespace }: Pick<Scene, 'e2e' | 'namespace'>, release: string): Promise<Revision[]> => {
  const { body } = await e2e.cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm,name%3D${release}`)
  const { items } = JSON.parse(body) as { items: { metadata: { labels: Record<string, string> } }[] }
  return items
    .map(({ metadata: { labels } }) => ({ revision: Number(labels['version']), status: labels['status'] ?? '' }))
    .sort((a, b) => a.revision - b.revision)
}

type Start = Pick<Scene, 'e2e' | 'client' | 'namespace' | 'target'>

const begin = async ({ e2e, client, namespace, target }: Start, release: string, version: number, helm: HelmMajor): Promise<string> => {
  const path = await e2e.folder(manyChart(version, mapCount))
  const { step, bytes, sha256 } = await packLocal({ path, name: release, namespace, helm: { release, version: helm } }, '/')
  await client.uploadPackage(bytes, sha256)
  return (await client.deploy({ steps: [step], targets: [target] }, randomUUID())).deployment.id
}

/** @throws Error that says where it stands and what happened to it, since its stack is gone once the test has failed */
const endOf = async (client: Client, id: string): Promise<Detail> => {
  const ended = async (): Promise<Detail | false> => {
    const detail = await client.deployment(id)
    return detail.deployment.state === 'finished' && detail
  }
  try {
    return await eventually(ended, deploymentEndsMs, 100)
  } catch (cause) {
    const [job] = (await client.deployment(id)).jobs
    const log = job === undefined ? [] : await client.log(id, job.jobId, { tail: 30 })
    const seen = { ...job, step: job?.step.name, events: await client.history(id), log: log.map(({ text }) => text) }
    const { now, workers } = await client.workers()
    const alive = workers.map(({ name, state, seenAt }) => `${name} ${state}, heard ${now - seenAt} ms ago`)
    throw new Error(`${id} has not ended: ${JSON.stringify({ ...seen, workers: alive })}`, { cause })
  }
}

const mustSucceed = ({ deployment, jobs }: Detail): Detail => {
  if (deployment.result !== 'success') throw new Error(`${deployment.id} ended as ${deployment.result}: ${jobs[0]?.end?.sentence}`)
  return { deployment, jobs }
}

/** How long a job takes that nobody disturbs, in ms. */
export const usualTime = async (start: Start, helm: HelmMajor): Promise<number> => {
  const { jobs } = mustSucceed(await endOf(start.client, await begin(start, `usual-${helm}`, 1, helm)))
  return (jobs[0]?.endedAt ?? 0) - (jobs[0]?.startedAt ?? 0)
}

const killWorker = async (e2e: E2e, job: Job): Promise<void> => {
  const holder = await holderOf(e2e, job)
  holder.kill('SIGKILL')
  await holder.exited
  // A name that grew with each kill was too long in the end, and a worker without a good name does not start.
  e2e.stack.addWorker(`heir-${randomUUID().slice(0, 8)}`)
}

const killContainers = async ({ stack }: E2e, { worker }: Job): Promise<void> => {
  const engine = new Dockerode({ socketPath: stack.docker.socketPath })
  const all = await engine.listContainers({ filters: { label: [`telpher.worker=${worker}`] } })
  await Promise.allSettled(all.map(({ Id }) => engine.getContainer(Id).kill({ signal: 'SIGKILL' })))
}

/** Outages of the API server; whoever asks for one while another goes on shares it. */
export const createOutages = ({ cluster: { apiserver } }: Pick<E2e, 'cluster'>): Scene['outage'] => {
  let current: Promise<void> | undefined
  const take = async (): Promise<void> => {
    await apiserver.kill('SIGKILL')
    await pause(outageMs)
    await apiserver.start()
  }
  return () => {
    current ??= take().finally(() => {
      current = undefined
    })
    return current
  }
}

const kill = async ({ e2e, client, outage }: Scene, by: KillPoint['by'], job: Job): Promise<void> => {
  if (by === 'cancel') await client.cancel(job.deploymentId, true)
  // A job that has ended has no worker that could be killed.
  else if (by === 'worker' && job.worker !== undefined) await killWorker(e2e, job)
  else if (by === 'container' && job.worker !== undefined) await killContainers(e2e, job)
  else if (by === 'outage') await outage()
}

/** Brings a release to where the operation begins. @returns begins it, with the id of its deployment */
const prepare = async (scene: Scene, { operation, helm }: KillPoint, release: string): Promise<() => Promise<string>> => {
  if (operation === 'install') return () => begin(scene, release, 1, helm)
  const first = mustSucceed(await endOf(scene.client, await begin(scene, release, 1, helm)))
  if (operation === 'upgrade') return () => begin(scene, release, 2, helm)
  mustSucceed(await endOf(scene.client, await begin(scene, release, 2, helm)))
  return async () => (await scene.client.again(first.deployment.id, 'rollback', randomUUID())).deployment.id
}

const lastVersion = 9

/** What must hold after the next deployment, which is the only thing that anybody does. */
const wrongAfter = async (scene: Scene, release: string, helm: HelmMajor): Promise<string | undefined> => {
  const { deployment, jobs } = await endOf(scene.client, await begin(scene, release, lastVersion, helm))
  if (deployment.result !== 'success') return `the next deployment ended as ${deployment.result}: ${jobs[0]?.end?.sentence}`
  const revisions = await revisionsOf(scene, release)
  const text = revisions.map(({ revision, status }) => `${revision} ${status}`).join(', ')
  if (revisions.some(({ status }) => status.startsWith('pending-'))) return `a revision is pending: ${text}`
  if (revisions.some(({ revision }, index) => revision !== index + 1)) return `a revision is missing: ${text}`
  if (revisions.at(-1)?.status !== 'deployed') return `the last revision is not deployed: ${text}`
  const map = await scene.e2e.cluster.api('GET', `/api/v1/namespaces/${scene.namespace}/configmaps/${release}-${mapCount - 1}`)
  return map.body.includes(`"version":"${lastVersion}"`) ? undefined : `the objects are not those of the last deployment: ${map.body}`
}

/** Waits for the point, or for the end of the job where that comes before. */
const reach = async (scene: Scene, point: KillPoint, release: string, jobNow: () => Promise<Job | undefined>): Promise<void> => {
  const hasEnded = async (): Promise<boolean> => isTerminal((await jobNow())?.status ?? 'pending')
  await eventually(async () => ((await jobNow())?.attempt ?? 0) > 0, 120_000, 10)
  if (point.when === 'time') return pause(point.share * scene.usualMs)
  const isPending = async (): Promise<boolean> => (await revisionsOf(scene, release)).at(-1)?.status.startsWith('pending-') === true
  await eventually(async () => (await isPending()) || (await hasEnded()), 120_000, 5)
  const path = `/api/v1/namespaces/${scene.namespace}/configmaps/${release}-${Math.floor(point.share * mapCount)}`
  const version = `"version":"${versionOf[point.operation]}"`
  const isWritten = async (): Promise<boolean> => (await scene.e2e.cluster.api('GET', path)).body.includes(version)
  await eventually(async () => (await isWritten()) || (await hasEnded()), 120_000, 5)
}

/** @returns the newest revision right before the kill, and how the deployment ended */
const interrupt = async (scene: Scene, point: KillPoint, release: string, start: () => Promise<string>) => {
  const id = await start()
  const jobNow = async (): Promise<Job | undefined> => (await scene.client.deployment(id)).jobs[0]
  await reach(scene, point, release, jobNow)
  const job = await jobNow()
  // Another's outage may go on.
  const found = (await eventually(() => revisionsOf(scene, release), 30_000, 5)).at(-1)?.status
  if (job !== undefined) await kill(scene, point.by, job)
  const { deployment, jobs } = await endOf(scene.client, id).catch((cause: Error) => {
    throw new Error(`${JSON.stringify(point)}, found ${found}: ${cause.message}`, { cause })
  })
  const { status, end } = jobs[0] ?? {}
  return { found, result: deployment.result ?? '', ...(status === 'succeeded' ? {} : { said: end?.sentence ?? '' }) }
}

/**
 * Interrupts releases side by side, each at its point, lets their deployments end as they may, and deploys each again. What is done to
 * one may hit the others, so all of them begin, and are deployed again, while nothing is done to any.
 * @param round tells the releases apart from those of other rounds
 */
export const interruptAll = async (scene: Scene, points: readonly KillPoint[], round: number): Promise<Killed[]> => {
  const releaseOf = (index: number): string => `release-${round}-${index}`
  const starts = await Promise.all(points.map((point, index) => prepare(scene, point, releaseOf(index))))
  const ends = await Promise.all(
    points.map((point, index) => interrupt(scene, point, releaseOf(index), starts[index] ?? (() => Promise.reject(new Error('no start'))))),
  )
  const wrongs = await Promise.all(points.map(({ helm }, index) => wrongAfter(scene, releaseOf(index), helm)))
  return points.map((point, index) => {
    const { found, result = '', said } = ends[index] ?? {}
    const wrong = wrongs[index]
    return { point, found, result, ...(said === undefined ? {} : { said }), ...(wrong === undefined ? {} : { wrong }) }
  })
}
